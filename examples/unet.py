"""Does a U-Net use its skip connection, or the way through the bottleneck?

A network with an image for an output: the cost is per pixel, and must be averaged to one
number per example, never over the batch. Here a small U-Net learns for a moment to take the
noise off discs; then each channel that its last layer reads is replaced by its mean.

    python examples/unet.py
"""

import torch
from torch import Tensor, nn

import neurodemon as nd

WIDTH = 8


class UNet(nn.Module):
    """Down once, up once, with a skip connection around the bottom."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, WIDTH, 3, padding=1), nn.ReLU())
        self.bottom = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
        )
        self.last = nn.Conv2d(2 * WIDTH, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Take the noise off images of shape (example, 1, height, width)."""
        skipped = self.first(image)
        both: Tensor = self.last(torch.cat([skipped, self.bottom(skipped)], dim=1))
        return both


def discs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw noisy discs and the clean ones; both (example, 1, 16, 16)."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.rand(count, 2, 1, 1, generator=generator) * 8 + 4
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    is_inside = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < 16
    clean = is_inside.float().unsqueeze(1)
    return clean + torch.randn(clean.shape, generator=generator), clean


def per_image(output: Tensor, target: Tensor) -> Tensor:
    """Average the squared error over an image's pixels: one number per example."""
    return (output - target).square().mean(dim=(1, 2, 3))


def train(model: nn.Module, steps: int = 100) -> None:
    """Train for a moment."""
    images, clean = discs(64, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        per_image(model(images), clean).mean().backward()
        optimizer.step()


def main() -> dict[str, float]:
    """Train, measure the channels on both ways, and compare."""
    torch.manual_seed(0)
    model = UNet()
    train(model)
    subject = nd.Subject(model, [discs(16, seed=1)], per_image, name="U-Net")

    # Where the ways meet, each channel belongs to one of them. (A demon at the output of
    # `first` would act on both: that tensor is read by both.)
    effects = nd.measure(subject, "last:in", nd.Mean())
    print(effects)
    measured = torch.tensor(effects["measured"])
    found = {
        "skip connection": float(measured[:WIDTH].mean()),
        "bottleneck": float(measured[WIDTH:].mean()),
    }
    for way, mean in found.items():
        print(f"A channel of the {way} flattened: {mean:+.4f} on the cost, in the mean")
    return found


if __name__ == "__main__":
    main()
