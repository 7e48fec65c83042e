"use strict";
// What is picked stands behind the # of the address, so that a view can be sent; the part's place on the page makes names unique.
const picks = {
  all: () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : ""),
  get: (name) => picks.all().get(name),
  keep(name, value) {
    const kept = picks.all();
    if (value) kept.set(name, value);
    else kept.delete(name);
    // An address that ends in # alone leads to the top of the page.
    location.replace("#" + (String(kept) || "all"));
    picks.shown = location.hash;
  },
  // The choices of some selects, as the address has them; a value that isn't there any more is none.
  restore(selects, part) {
    for (const select of selects) {
      const wanted = picks.get(part + select.name);
      if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
    }
  },
};
picks.shown = location.hash;
// A sent view, opened where the page is open already, or the way back to an earlier one.
addEventListener("hashchange", () => { if (location.hash !== picks.shown && /=/.test(location.hash + picks.shown)) location.reload(); });
