// Sorts and filters the tables of entries. Without it they stand in the leaderboard's order.
"use strict";
(() => {
  const form = document.getElementById("controls");
  const TEXT = new Set(["label", "word", "prior"]);
  // A number's best end first: less trait and less KL are better, more prevention is.
  const FALLING = new Set(["prevention"]);
  const compareText = new Intl.Collator("en").compare;
  const groups = [...document.querySelectorAll("tbody.group")].map(body => {
    const about = body.rows[0];
    const rows = [...body.rows].slice(1).map(row => ({
      row,
      text: row.textContent.toLowerCase(),
      place: Number(row.dataset.place),
      keys: Object.fromEntries(
        [...row.cells].map(cell => [cell.dataset.column, cell.dataset.key])),
    }));
    return { body, about, rows };
  });
  const state = { column: "rank", falling: false };

  function order(first, second) {
    const [a, b] = [first, second].map(one => one.keys[state.column] ?? "");
    // What is not known comes last, in either direction; equals keep the leaderboard's order.
    if (a === "" || b === "") return (a === "") - (b === "") || first.place - second.place;
    const found = TEXT.has(state.column) ? compareText(a, b) : Number(a) - Number(b);
    return (state.falling ? -found : found) || first.place - second.place;
  }

  function draw() {
    const wanted = Object.fromEntries(new FormData(form));
    const least = wanted.least === "" ? null : Number(wanted.least) / 100;
    const text = wanted.text.trim().toLowerCase();
    let shown = 0;
    let all = 0;
    for (const { body, about, rows } of groups) {
      let here = 0;
      const sorted = [...rows].sort(order);
      for (const { row, text: said, keys } of sorted) {
        const kept =
          (!wanted.access || row.dataset.access === wanted.access) &&
          (!wanted.word || row.dataset.word === wanted.word) &&
          (!wanted.prior || row.dataset.prior === wanted.prior) &&
          (least === null || (keys.prevention !== "" && Number(keys.prevention) >= least)) &&
          (!text || said.includes(text));
        if (row.hidden === kept) row.hidden = !kept;
        here += kept;
      }
      // Rows that stand where they belong are not moved: a filter alone moves none.
      if (sorted.some(({ row }, place) => body.rows[place + 1] !== row)) {
        body.replaceChildren(about, ...sorted.map(({ row }) => row));
      }
      body.hidden = !here;
      shown += here;
      all += rows.length;
    }
    const heading = form.sort.selectedOptions[0].textContent;
    const how = state.falling ? "falling" : "rising";
    document.getElementById("shown").textContent =
      `${shown} of ${all} entries, sorted by ${heading}, ${how}.`;
    document.getElementById("sorted").textContent =
      state.column === "rank" && !state.falling
        ? ""
        : `Now sorted by ${heading}, ${how}, within each access level; ` +
          "ranks and ties are still those of the leaderboard.";
    for (const head of document.querySelectorAll("th[data-sort]")) {
      if (head.dataset.sort === state.column) head.setAttribute("aria-sort", `${how === "falling" ? "de" : "a"}scending`);
      else head.removeAttribute("aria-sort");
    }
  }

  function sortBy(column, turn) {
    state.falling = turn && state.column === column ? !state.falling : FALLING.has(column);
    state.column = column;
    form.sort.value = column;
    draw();
  }

  for (const head of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(head.dataset.sort, true));
    head.replaceChildren(button);
  }
  // All members of a tie group show that they belong together, wherever they stand.
  for (const kind of ["pointerover", "focusin", "pointerout", "focusout"]) {
    document.addEventListener(kind, event => {
      const tie = event.target.closest?.("tr[data-tie]")?.dataset.tie;
      if (!tie) return;
      for (const row of document.querySelectorAll(`tr[data-tie="${CSS.escape(tie)}"]`)) {
        row.classList.toggle("together", kind === "pointerover" || kind === "focusin");
      }
    });
  }
  form.addEventListener("input", event => {
    if (event.target.name === "sort") sortBy(event.target.value, false);
    else draw();
  });
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => sortBy("rank", false)));
  form.hidden = false;
  draw();
})();
