// The page's filters, and the drawing of diffs and gradients when they are opened. A program's text is never made into markup here.
"use strict";
(() => {
  const MOST_OPENED = 200; // Drawing more at once makes a browser wait.
  const DEAD = new Set(["none", "zero", "nan or inf"]);
  const ENTITIES = { lt: "<", gt: ">", amp: "&" };
  const controls = document.getElementById("controls");
  const shown = document.getElementById("shown");
  const opener = document.getElementById("open");
  const everything = shown.textContent;
  const repositories = [...document.querySelectorAll("main > section")].map((section) => ({
    section,
    name: section.dataset.repository,
    files: [...section.querySelectorAll("article")].map((article) => ({
      article,
      text: null,
      findings: [...article.querySelectorAll(".findings > li")],
    })),
  }));

  const fileOf = new Map(repositories.flatMap(({ files }) => files.map((file) => [file.article, file])));

  function made(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function textOf(file) {
    // Read once, and before anything is drawn into the file: the text is what was written.
    file.text ??= file.article.textContent.replace(/<[^>]*>/g, " ").replace(/&(lt|gt|amp);/g, (_, name) => ENTITIES[name])
      .toLowerCase();
    return file.text;
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(controls));
    const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
    const narrowed = Boolean(words.length || wanted.rule || wanted.repository || wanted.fate);
    let findings = 0, files = 0;
    for (const { section, name, files: own } of repositories) {
      const here = !wanted.repository || wanted.repository === name;
      let some = !narrowed;
      for (const file of own) {
        let seen = 0;
        const found = here && words.every((word) => textOf(file).includes(word));
        for (const finding of file.findings) {
          const fits = found && (!wanted.rule || finding.dataset.rule === wanted.rule) &&
            (!wanted.fate || finding.dataset.fate === wanted.fate);
          if (finding.hidden === fits) finding.hidden = !fits;
          seen += fits;
        }
        const alone = found && !file.findings.length && !wanted.rule &&
          (!wanted.fate || file.article.dataset.fate === wanted.fate);
        const fits = seen > 0 || alone;
        if (file.article.hidden === fits) file.article.hidden = !fits;
        findings += seen;
        files += fits;
        some ||= fits;
      }
      section.hidden = !some;
    }
    shown.textContent = narrowed
      ? `${findings.toLocaleString("en")} of ${everything.split(";")[0]} shown, in ${files.toLocaleString("en")} file${files === 1 ? "" : "s"}`
      : everything;
    opener.disabled = files > MOST_OPENED;
    opener.title = opener.disabled ? `At most ${MOST_OPENED} files can be opened at once: filter first.` : "";
    const kept = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
    return kept;
  }

  function remember() {
    const kept = filter();
    try {
      history.replaceState(null, "", kept ? `#${kept}` : location.pathname + location.search);
    } catch {
      // A page that was opened from a sandbox may not change its address; the filter works all the same.
    }
  }

  function recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    for (const name of ["search", "rule", "repository", "fate"]) controls.elements[name].value = kept.get(name) ?? "";
    for (const select of controls.querySelectorAll("select")) if (select.selectedIndex < 0) select.selectedIndex = 0;
    filter();
    // For a link that shows the proof at once: #search=train.py&open=1
    if (kept.has("open") && !opener.disabled) openAll();
  }

  function drawDiff(pre) {
    const lines = pre.textContent.split("\n").map((line) => {
      const kind = /^(\+\+\+|---|@@) /.test(line) ? "at" : { "+": "added", "-": "removed" }[line[0]];
      return made("span", kind, line);
    });
    pre.replaceChildren(...lines);
  }

  function norm(words) {
    const found = /^flows (.+)$/.exec(words);
    return found ? Number(found[1]) : null;
  }

  function track(words, scale, isFirst) {
    const kind = DEAD.has(words) ? "dead" : norm(words) === null ? "quiet" : "";
    const drawn = made("div", `track ${kind} ${isFirst ? "first" : ""}`);
    const value = norm(words);
    if (value > 0) {
      const bar = made("i");
      const share = (Math.log10(value) - scale.low) / (scale.high - scale.low);
      bar.style.width = `${(100 * Math.min(Math.max(share, 0.01), 1)).toFixed(1)}%`;
      drawn.append(bar);
    }
    return drawn;
  }

  function drawGradients(pre) {
    const rows = pre.textContent.trim().split("\n").slice(1).map((line) => line.split("\t"));
    const norms = rows.flatMap((row) => [norm(row[2]), norm(row[3])]).filter((value) => value > 0).map(Math.log10);
    // One decade below the least, so that its bar can be seen.
    const low = norms.length ? Math.floor(norms.reduce((a, b) => Math.min(a, b))) - 1 : -1;
    const high = norms.length ? Math.max(Math.ceil(norms.reduce((a, b) => Math.max(a, b))), low + 2) : 1;
    const scale = { low, high };
    const table = made("table", "bars");
    const caption = made("caption", "", "Norm of the gradient in one step, on a logarithmic scale:");
    for (const [kind, words] of [["first", "before"], ["", "after"], ["dead", "dead"]]) {
      const entry = made("span");
      entry.append(made("span", `key ${kind}`), words);
      caption.append(entry);
    }
    table.append(caption);
    const head = made("tr");
    for (const words of ["variable", "shape"]) head.append(made("th", "", words));
    const axis = made("th", "drawing");
    const ticks = made("div", "scale");
    const step = Math.ceil((high - low) / 4);
    for (let at = low; norms.length && at <= high; at += step) {
      const tick = made("span", at === high ? "last" : "", `1e${at}`);
      tick.style.left = `${(100 * (at - low)) / (high - low)}%`;
      ticks.append(tick);
    }
    axis.append(ticks);
    head.append(axis);
    for (const words of ["before", "after", "changed"]) head.append(made("th", "", words));
    for (const cell of head.children) cell.scope = "col";
    table.append(made("thead"), made("tbody"));
    table.tHead.append(head);
    for (const [name, shape, before, after, changed] of rows) {
      const row = made("tr");
      const drawing = made("td", "drawing");
      drawing.setAttribute("aria-hidden", "true");
      drawing.append(track(before, scale, true), track(after, scale, false));
      const title = made("th", "", name);
      title.scope = "row";
      row.append(title, made("td", "", shape), drawing);
      for (const words of [before, after]) {
        row.append(made("td", DEAD.has(words) ? "dead" : norm(words) === null ? "quiet" : "", words));
      }
      row.append(made("td", "", changed));
      table.tBodies[0].append(row);
    }
    pre.replaceWith(table);
  }

  function draw(details) {
    if (details.dataset.drawn) return;
    textOf(fileOf.get(details.closest("article")));
    details.dataset.drawn = "yes";
    const folded = details.querySelector("noscript");
    // The text of this element is the markup that the page would show without scripts; parsing it runs nothing.
    if (folded) folded.replaceWith(...new DOMParser().parseFromString(folded.textContent, "text/html").body.childNodes);
    for (const pre of details.querySelectorAll("pre.diff")) drawDiff(pre);
    for (const pre of details.querySelectorAll("pre.gradients")) drawGradients(pre);
  }

  function visible() {
    return [...document.querySelectorAll("main article:not([hidden]) details")].filter(
      (details) => !details.closest("section").hidden && !details.closest("li")?.hidden);
  }

  function openAll() {
    for (const details of visible()) {
      draw(details);
      details.open = true;
    }
  }

  document.addEventListener("toggle", (event) => { if (event.target.open && event.target.matches("details")) draw(event.target); }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link) return;
    controls.reset();
    controls.elements[link.dataset.filter].value = link.dataset.value;
    // After the jump that the link itself makes.
    setTimeout(remember);
  });
  let waiting = 0;
  controls.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(remember, 120); });
  controls.addEventListener("reset", () => setTimeout(remember));
  controls.addEventListener("submit", (event) => event.preventDefault());
  opener.addEventListener("click", openAll);
  window.addEventListener("hashchange", () => { if (location.hash !== "#findings") recall(); });
  // Paper cannot be clicked on.
  window.addEventListener("beforeprint", () => { if (!opener.disabled) openAll(); });
  controls.hidden = false;
  recall();
})();
