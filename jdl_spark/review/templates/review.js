"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll(".case")];
  const forms = [...document.querySelectorAll("form.decide")];
  const words = { same: "same person", different: "not the same", unsure: "cannot say" };
  const keys = { s: "same", d: "different", c: "unsure" };
  let current = 0;
  let picked = 0;
  let saved = true;

  const candidates = (at = current) => (cases[at] ? [...cases[at].querySelectorAll(".candidate")] : []);
  const formOf = (candidate) => candidate.querySelector("form.decide");
  const decision = (form) => form.elements.decision.value;
  const tell = (text) => { byId("told").textContent = text; };

  function isDecided(at) {
    const given = candidates(at).map((candidate) => decision(formOf(candidate)));
    return given.includes("same") || (given.length > 0 && given.every(Boolean));
  }

  function count() {
    const decided = cases.filter((_, at) => isDecided(at)).length;
    byId("progress").value = decided;
    byId("count").textContent = cases.length
      ? `Case ${current + 1} of ${cases.length}. ${decided} decided, ${cases.length - decided} to do.` : "No cases.";
  }

  function pick(at, focus) {
    const shown = candidates();
    if (!shown[at]) return;
    picked = at;
    shown.forEach((candidate, place) => candidate.classList.toggle("picked", place === at));
    if (focus) { shown[at].focus(); tell(`Candidate ${at + 1} is chosen.`); }
  }

  function show(at, focus) {
    if (!cases[at]) { tell(at < 0 ? "This is the first person." : "This was the last person."); return; }
    current = at;
    cases.forEach((section, place) => section.classList.toggle("current", place === at));
    pick(0, false);
    count();
    tell("");
    if (focus) { window.scrollTo(0, 0); cases[at].querySelector("h2").focus(); }
  }

  function changed(form) {
    saved = false;
    const section = form.closest(".case");
    const own = [...section.querySelectorAll("form.decide")];
    let also = "";
    if (decision(form) === "same") {
      own.forEach((other, place) => {
        if (other !== form && decision(other) === "same") {
          clear(other);
          also = ` Candidate ${place + 1} is no longer the same person: a person has one identity.`;
        }
      });
    }
    const given = decision(form);
    tell(`Candidate ${own.indexOf(form) + 1}: ${given ? words[given] : "no decision"}.${also}`);
    count();
    keep();
  }

  function clear(form) {
    form.querySelectorAll("input[type=radio]").forEach((radio) => { radio.checked = false; });
  }

  function decide(value) {
    const candidate = candidates()[picked];
    if (!candidate) return;
    const form = formOf(candidate);
    if (value) form.elements.decision.value = value; else clear(form);
    changed(form);
  }

  // --- the file of decisions: the columns that `jdl review import` takes ---

  const cell = (text) => `"${(/^[=+\-@\t\r\n]/.test(text) ? "'" + text : text).replace(/"/g, '""')}"`;

  function download() {
    const given = forms.filter(decision);
    const reviewer = byId("reviewer").value.trim();
    const rows = given.map((form) => [form.dataset.pair, decision(form), reviewer, form.elements.note.value.trim()]);
    const text = [["pair", "decision", "reviewer", "note"], ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
    link.download = document.body.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    saved = true;
    const lone = forms.filter((form) => !decision(form) && form.elements.note.value.trim()).length;
    tell(`${given.length} decision${given.length === 1 ? "" : "s"} written to ${link.download}.`
      + (lone ? ` Notes without a decision are not in it: ${lone}.` : ""));
  }

  // --- memory of this tab, only if asked for ---

  const place = document.body.dataset.memory;

  function keep() {
    try {
      if (!byId("memory").checked) { sessionStorage.removeItem(place); return; }
      const state = forms.map((form) => [form.dataset.pair, decision(form), form.elements.note.value]);
      sessionStorage.setItem(place, JSON.stringify(state.filter((row) => row[1] || row[2])));
    } catch { tell("This browser does not let the page keep anything."); }
  }

  function recall() {
    let state = null;
    try { state = JSON.parse(sessionStorage.getItem(place)); } catch { return; }
    if (!state) return;
    byId("memory").checked = true;
    const byPair = new Map(forms.map((form) => [form.dataset.pair, form]));
    for (const [pair, given, note] of state) {
      const form = byPair.get(pair);
      if (!form) continue;
      if (given) form.elements.decision.value = given;
      form.elements.note.value = note;
    }
    saved = false;
  }

  // --- keys ---

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=text]");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (byId("help").open || !byId("shortcuts").checked) return;
    const key = event.key.toLowerCase();
    if (key === "n") show(current + 1, true);
    else if (key === "p") show(current - 1, true);
    else if (key >= "1" && key <= "5" && key.length === 1) pick(Number(key) - 1, true);
    else if (keys[key]) decide(keys[key]);
    else if (key === "x") decide("");
    else if (key === "?") byId("help").showModal();
    else return;
    event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    const candidate = event.target.closest(".candidate");
    if (candidate) pick(candidates().indexOf(candidate), false);
  });
  forms.forEach((form) => {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => changed(form));
    form.querySelector(".clear").addEventListener("click", () => { clear(form); changed(form); });
  });
  byId("previous").addEventListener("click", () => show(current - 1, true));
  byId("next").addEventListener("click", () => show(current + 1, true));
  byId("keys").addEventListener("click", () => byId("help").showModal());
  byId("download").addEventListener("click", download);
  byId("memory").addEventListener("change", keep);
  window.addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });

  document.body.classList.add("ready");
  recall();
  show(0, false);
  count();
})();
