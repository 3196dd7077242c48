"use strict";

function valueOf(cell) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  const number = Number.parseFloat(text);
  return cell.classList.contains("number") ? (Number.isNaN(number) ? -Infinity : number) : text.toLowerCase();
}

function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((first, second) => {
        const [a, b] = [valueOf(first.cells[column]), valueOf(second.cells[column])];
        return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
      });
      body.append(...rows);
    });
  });
}

function makeFilterable(table, number) {
  const region = table.closest(".scroll") ?? table;
  const box = document.createElement("div");
  box.className = "filter";
  const label = document.createElement("label");
  label.htmlFor = `filter-${number}`;
  label.textContent = "Filter";
  const input = document.createElement("input");
  input.id = label.htmlFor;
  input.type = "search";
  const count = document.createElement("output");
  count.htmlFor = input.id;
  const rows = [...table.tBodies[0].rows];
  const filter = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
    });
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  input.addEventListener("input", filter);
  box.append(label, input, count);
  region.before(box);
  filter();
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("table.filterable").forEach(makeFilterable);
