// Tables sort at a click on a heading, empty cells last; commands are copied.
document.querySelectorAll("table.sortable").forEach(table => {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const key = (row, i) => row.cells[i].dataset.key ?? row.cells[i].textContent;
  const compare = (a, b) => isNaN(a - b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
  heads.forEach((head, i) => head.querySelector("button").addEventListener("click", () => {
    const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    const last = (a, b) => (a === "") - (b === "");
    body.append(...[...body.rows].sort((x, y) => {
      const a = key(x, i), b = key(y, i);
      return a === "" || b === "" ? last(a, b) : way * compare(a, b);
    }));
  }));
});
document.querySelectorAll("button.copy").forEach(button => button.addEventListener("click", () => {
  getSelection().selectAllChildren(button.nextElementSibling);
  button.textContent = document.execCommand("copy") ? "copied" : "selected";
}));
