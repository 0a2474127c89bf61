"use strict";

// A head becomes a button that sorts its table. Without scripts the heads are plain text.

for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, head));
    head.append(button);
  }
}

function sort(table, head) {
  const isNumber = head.classList.contains("number");
  const first = isNumber ? "descending" : "ascending";
  const second = isNumber ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? second : first;
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const key = (row) => row.cells[head.cellIndex].dataset.key;
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b), isNumber, sign));
  table.tBodies[0].append(...rows);
}

// What is missing comes last in either order.
function compare(a, b, isNumber, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  if (!isNumber) return sign * a.localeCompare(b, "en", { numeric: true });
  return sign * (Number(a) < Number(b) ? -1 : Number(a) > Number(b) ? 1 : 0);
}

// Paper shows what is folded away; browsers that know ::details-content need no help.
const folded = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
addEventListener("beforeprint", () => {
  opened = folded();
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});
