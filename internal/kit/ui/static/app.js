// What makes the pages nicer where scripts run. Every page works without it, but for passkeys, which a
// browser gives to scripts alone; no page asks for one without another way to go on.
"use strict";
(() => {
  const words = document.currentScript.dataset;
  const make = (tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    return e;
  };
  const draw = (tag, attributes) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const name in attributes) e.setAttribute(name, attributes[name]);
    return e;
  };
  const each = (selector, fn) => document.querySelectorAll(selector).forEach(fn);

  // A button that shows and hides what is typed into a password field.
  each("input[type=password]", (input) => {
    const button = make("button", { type: "button", className: "peek", title: words.show });
    button.setAttribute("aria-label", words.show);
    button.setAttribute("aria-controls", input.id);
    button.setAttribute("aria-pressed", "false");
    const eye = draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
    eye.append(draw("path", { d: "M2 12s3.5-6.5 10-6.5S22 12 22 12s-3.5 6.5-10 6.5S2 12 2 12zm13 0a3 3 0 1 1-6 0 3 3 0 0 1 6 0" }), draw("path", { d: "M4 4l16 16" }));
    button.append(eye);
    const show = (on) => {
      input.type = on ? "text" : "password";
      button.setAttribute("aria-pressed", String(on));
      button.title = on ? words.hide : words.show;
    };
    button.addEventListener("click", () => show(input.type === "password"));
    input.form?.addEventListener("submit", () => show(false)); // so that it is not kept as a text
    const wrap = make("span", { className: "peekable" });
    input.replaceWith(wrap);
    wrap.append(input, button);
  });

  // Times in the reader's zone and manner, which they name; the page itself says UTC. Days belong to no zone.
  const lang = document.documentElement.lang;
  const manner = navigator.language.split("-")[0] === lang ? navigator.language : lang;
  each("time[datetime]", (time) => {
    const when = new Date(time.dateTime), hours = time.dateTime.includes("T");
    if (isNaN(when)) return;
    if (hours) time.title = time.textContent;
    time.textContent = new Intl.DateTimeFormat(manner, { year: "numeric", month: "short", day: "numeric", numberingSystem: "latn",
      ...(hours ? { hour: "numeric", minute: "2-digit", timeZoneName: "short" } : { timeZone: "UTC" }) }).format(when);
  });

  // One box that ticks all of its table, in the head cell marked for it.
  each("th[data-all]", (cell) => {
    const boxes = () => [...cell.closest("table").querySelectorAll("tbody input[type=checkbox]")];
    const all = make("input", { type: "checkbox", ariaLabel: words.all });
    cell.replaceChildren(all);
    all.addEventListener("change", () => boxes().forEach((b) => { b.checked = all.checked; }));
    cell.closest("table").addEventListener("change", () => {
      const ticked = boxes().filter((b) => b.checked).length;
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    });
  });

  // Copying what stands in a block.
  if (navigator.clipboard) each("pre[data-copy]", (block) => {
    const text = block.textContent;
    const button = make("button", { type: "button", className: "quiet small copy" }, words.copy);
    const wrap = make("div", { className: "copyable" });
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; }, 2000);
    });
    block.replaceWith(wrap);
    wrap.append(block, button);
  });

  // A form that asks for a passkey. It holds what the browser is to be asked for, or says where that is
  // to be had, and takes the answer along. Where there are no passkeys it stays hidden.
  const api = window.PublicKeyCredential;
  if (api?.parseRequestOptionsFromJSON) each("form[data-passkey-create], form[data-passkey-get]", (form) => {
    const { passkeyCreate: create, passkeyGet: get, passkeyBegin: begin } = form.dataset;
    const { ticket, credential, remember } = form.elements;
    const problem = form.querySelector("[data-passkey-error]");
    let asking, offered = Infinity;
    const ask = async (mediation) => {
      asking?.abort(); // a browser asks one thing at a time
      const { signal } = asking = new AbortController();
      try {
        let options = JSON.parse(create || get || null);
        if (begin) {
          const answer = await fetch(begin, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", signal });
          if (!answer.ok) throw new Error(answer.status);
          ({ ticket: ticket.value, publicKey: options } = await answer.json());
        }
        const key = create ? navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(options), signal })
          : navigator.credentials.get({ publicKey: api.parseRequestOptionsFromJSON(options), mediation, signal });
        credential.value = JSON.stringify(await key);
        if (remember) remember.value = document.querySelector("input[type=checkbox][name=remember]:checked")?.value ?? "";
        form.requestSubmit();
      } catch (why) {
        if (signal.aborted || mediation) return;
        problem.textContent = create && why.name === "InvalidStateError" ? problem.dataset.exists : problem.dataset.failed;
        problem.hidden = false;
        offer();
      }
    };
    // Beside the fields, passkeys are offered among what the browser fills in. What it was asked for is
    // good for five minutes, so a page that stays open asks anew.
    const offer = async () => {
      if (!begin || !await api.isConditionalMediationAvailable?.()) return;
      offered = Date.now();
      ask("conditional");
    };
    form.addEventListener("submit", (event) => {
      if (credential.value) return;
      event.preventDefault();
      problem.hidden = true;
      offered = Infinity;
      ask();
    });
    setInterval(() => { if (!document.hidden && Date.now() - offered > 240_000) offer(); }, 5_000);
    each("[data-passkey-missing]", (e) => { e.hidden = true; });
    form.hidden = false;
    offer();
  });

  // A form is sent once. Its buttons are disabled after the browser has read which one was pressed,
  // and come back for the case that the answer was a download or none.
  const busy = (form, on) => {
    form.ariaBusy = on ? "true" : null;
    form.querySelectorAll("button:not([type=button])").forEach((b) => { b.disabled = on; });
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.ariaBusy === "true") return event.preventDefault();
    form.ariaBusy = "true";
    setTimeout(() => busy(form, true));
    setTimeout(() => busy(form, false), 8000);
  });

  // A page that comes back from memory may show what has ended since: ask for it anew.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(location.pathname + location.search);
  });

  // A menu folds when one looks elsewhere.
  document.addEventListener("click", (event) => each("details.langs[open]", (d) => {
    if (!d.contains(event.target)) d.open = false;
  }));
})();
