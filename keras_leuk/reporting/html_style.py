"""The look of the HTML page, light and dark, on screens and on paper; and the script that sorts its tables."""

STYLE = """\
:root {
  --ground: #ffffff; --text: #1b1f24; --quiet: #545d68; --line: #d0d7de; --link: #0a5cad; --soft: #f4f6f8;
  --warn: #fff6e0; --warn-line: #b26a00; --within: #0a6b4a; --outside: #8f4a00; --impossible: #a31f4b;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --text: #e6e8ea; --quiet: #a9b1b9; --line: #3a4148; --link: #86bdf7; --soft: #1d2226;
    --warn: #2c2413; --warn-line: #e0a33e; --within: #6fcfa5; --outside: #f0b26b; --impossible: #f79ab5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem clamp(0.9rem, 4vw, 2.5rem) 4rem; }
h1 { font-size: clamp(1.45rem, 1.1rem + 1.6vw, 2.1rem); line-height: 1.2; margin: 0.4em 0 0.6em; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 2.4em 0 0.6em; padding-bottom: 0.2em; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.8em 0 0.5em; }
p, ul, figcaption { max-width: 48rem; }
h1, h2, h3, p, li, figcaption { overflow-wrap: anywhere; }
td, th { overflow-wrap: break-word; }
a { color: var(--link); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 0.5rem; top: 0.5rem; background: var(--ground); padding: 0.4rem 0.8rem; }
nav ul { list-style: none; padding: 0; margin: 0 0 1.5rem; display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; max-width: none; }
.warning { background: var(--warn); border-left: 4px solid var(--warn-line); padding: 0.6rem 1rem; max-width: 52rem; }
.warning ul { margin: 0.3rem 0 0; padding-left: 1.2rem; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: 0.7rem 0.9rem; overflow-x: auto; }
pre, code { font: 0.86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
figure { margin: 0; min-width: 0; }
.tables { display: grid; gap: 2rem; margin: 1.2rem 0 2rem; }
.tables { grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); }
.tables.wide { grid-template-columns: minmax(0, 1fr); }
figcaption { font-size: 0.86rem; line-height: 1.45; color: var(--quiet); margin-bottom: 0.5rem; }
figcaption strong { display: block; color: var(--text); font-size: 0.98rem; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; line-height: 1.3; }
thead { border-top: 2px solid var(--text); border-bottom: 1px solid var(--text); }
tbody { border-bottom: 2px solid var(--text); }
tbody tr, tbody th { background: var(--ground); }
tbody tr:nth-child(even), tbody tr:nth-child(even) th { background: var(--soft); }
tbody th { position: sticky; left: 0; }
th, td { padding: 0.32rem 0.7rem; text-align: right; vertical-align: top; }
th, td { font-weight: normal; white-space: nowrap; overflow-wrap: normal; }
thead th { font-weight: 600; vertical-align: bottom; }
.measures thead th { white-space: normal; }
th:first-child, .words th, .words td { text-align: left; }
.words td { white-space: normal; min-width: 4rem; max-width: 32rem; }
.facts th { white-space: normal; color: var(--quiet); min-width: 7rem; }
thead th[colspan] { text-align: center; border-bottom: 1px solid var(--line); }
td small { display: block; color: var(--quiet); font-size: 0.8em; font-weight: normal; }
td strong { font-weight: 700; }
td small.within { color: var(--within); }
td small.outside { color: var(--outside); }
td small.impossible { color: var(--impossible); font-weight: 600; }
.notes { font-size: 0.86rem; line-height: 1.45; color: var(--quiet); margin: -1.2rem 0 2.4rem; padding-left: 1.2rem; }
.grouped tbody th, .grouped .text { white-space: normal; text-align: left; }
.grouped tbody th { min-width: 5rem; max-width: 13rem; }
.grouped .text { min-width: 5rem; max-width: 18rem; }
.grouped .start { border-left: 1px solid var(--line); }
.grouped { font-size: 0.86rem; }
.grouped th, .grouped td { padding: 0.3rem 0.45rem; }
.grouped thead th { white-space: normal; background: var(--ground); }
.grouped thead tr + tr th:first-child { text-align: right; }
.grouped thead tr:first-child th:first-child { position: sticky; left: 0; z-index: 1; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; }
th button::after { content: "\\2195"; opacity: 0.55; padding-left: 0.25em; font-weight: normal; }
th[aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }
.picture { margin: 0.8rem 0 2rem; }
.picture img { display: block; max-width: 100%; height: auto; }
.picture img { background: #ffffff; border: 1px solid var(--line); border-radius: 4px; }
.picture figcaption { margin: 0.5rem 0 0; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  th, td { padding: 0.3rem 0.35rem; }
  td small { font-size: 0.74em; }
  .picture img[width="1400"] { max-width: none; width: 44rem; }
  .facts th { min-width: 5.5rem; }
  .grouped tbody th { min-width: 4rem; max-width: 9rem; }
}
@media print {
  @page { margin: 14mm; }
  @page broad { size: A4 landscape; margin: 12mm; }
  .tables figure.broad { page: broad; }
  :root {
    --ground: #ffffff; --text: #000000; --quiet: #404040; --line: #b0b0b0; --link: #000000; --soft: #f4f4f4;
    --warn: #ffffff; --warn-line: #000000; --within: #0a6b4a; --outside: #8f4a00; --impossible: #a31f4b;
    color-scheme: light;
  }
  body { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  nav, .skip { display: none; }
  .scroll { overflow: visible; }
  h2 { font-size: 12pt; margin-top: 1.6em; }
  figcaption { font-size: 7.5pt; }
  figcaption strong { font-size: 8.5pt; }
  table { font-size: 7.5pt; }
  .notes { margin: 0 0 1.2em; font-size: 7.5pt; break-inside: avoid; }
  .grouped { font-size: 7.5pt; }
  .grouped th, .grouped td { padding: 0.15rem 0.3rem; }
  .broad table { font-size: 6.5pt; }
  th, td { padding: 0.15rem 0.3rem; }
  .tables { gap: 1.2rem; grid-template-columns: 1fr 1fr; }
  .tables.wide { display: block; }
  .tables.wide figure { margin-bottom: 1.2rem; }
  tbody th { position: static; }
  figure, tr { break-inside: avoid; }
  .tables figure.long { break-inside: auto; }
  thead { display: table-header-group; break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  th button::after { content: none; }
}
"""

SCRIPT = """\
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead tr:last-child th")];
  const value = (row, at) => {
    const cell = row.children[at];
    return cell.dataset.sort !== undefined ? Number(cell.dataset.sort) : cell.textContent.trim();
  };
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const x = value(a, at), y = value(b, at);
        // What has no number (failed, undefined) comes last, whichever way is sorted.
        if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
        const order = typeof x === "number" ? x - y : x.localeCompare(y, undefined, { numeric: true });
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
"""
