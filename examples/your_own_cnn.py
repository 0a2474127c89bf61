"""Which channels of a small CNN does its success on handwritten digits rest on?

Train your own network, hand over (model, batches, cost), and ask. Here: two convolutions on
scikit-learn's 8×8 digits, trained for a moment; then a demon switches off each channel, one at
a time, over the whole image.

    pip install 'neurodemon[data]'
    python examples/your_own_cnn.py
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import neurodemon as nd


def digits() -> tuple[Tensor, Tensor]:
    """Read 1,797 images of shape (example, 1, 8, 8), pixels in [0, 1], and their digits."""
    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().unsqueeze(1) / 16
    return images, torch.from_numpy(bunch.target).long()


def cnn() -> nn.Module:
    """Two convolutions and a Linear."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


def train(model: nn.Module, images: Tensor, labels: Tensor, steps: int = 150) -> None:
    """Train for a moment, with whatever you like to train with."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        rows = torch.arange(64) + 64 * (step % (len(images) // 64))
        loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main() -> nd.Audit:
    """Train, then audit all channels of both layers."""
    torch.manual_seed(0)
    images, labels = digits()
    model = cnn()
    train(model, images[:1_280], labels[:1_280])
    batches = [(images[1_280:1_440], labels[1_280:1_440])]
    subject = nd.Subject(model, batches, cost="cross_entropy", name="my CNN")

    # Site "1" is the first ReLU, "4" the second: `nd.sites(subject)` lists them all.
    audit = nd.audit(subject, "1, 4", nd.Zero())
    print(audit)  # predicted, measured, and how far the predictions can be trusted

    print("\nThe channels that the network can least do without:")
    for row in audit.effects.top(3).to_arrow().to_pylist():
        print(f"  channel {row['unit']:2} at {row['site']}: cost {row['measured']:+.3f} without it")
    return audit


if __name__ == "__main__":
    main()
