"use strict";

// The refresh token is a cookie that no script can read; access tokens stay in memory. One sign-in is good
// for all organisations: each page asks for a token of its own, so two may be open side by side.
const auth = "/api/auth/";
const slug = location.pathname.split("/")[2] ?? "";
const show = (id) => { document.getElementById(id).hidden = false; };
const say = (text) => { document.getElementById("message").textContent = text; };
let session = ""; // access token of the account
let here = ""; // access token for this page's organisation
let ticket = ""; // of a sign-in that waits for its second step

async function call(method, path, token, body) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const data = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(data.detail), data);
  return data;
}

// once calls again with new tokens when the ones it has are too old.
async function once(method, path, body) {
  try {
    return await call(method, path, here, body);
  } catch (refused) {
    if (refused.status !== 401) throw refused;
    await enter();
    return call(method, path, here, body);
  }
}

async function enter() {
  session = (await call("POST", auth + "token/refresh/", "", {})).access;
  if (slug) here = (await call("POST", `${auth}tenants/${slug}/token/`, session, {})).access;
}

async function begin() {
  try {
    await enter();
  } catch (refused) {
    if (refused.status !== 401) return say(refused.message);
    return show("sign-in");
  }
  await (slug ? list() : choose());
}

async function choose() {
  const { tenants } = await call("GET", auth + "tenants/", session);
  document.querySelector("#choose ul").replaceChildren(...tenants.map((tenant) => {
    const link = Object.assign(document.createElement("a"), { href: `/tenants/${tenant.slug}/`, textContent: tenant.name });
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
  show("choose");
}

async function list() {
  const { notes } = await once("GET", `/tenants/${slug}/notes`);
  document.querySelector("#notes h2").textContent = slug;
  document.querySelector("#notes ul").replaceChildren(...notes.map((note) =>
    Object.assign(document.createElement("li"), { textContent: note.body })));
  show("notes");
}

// on runs what a button does, and says why it was refused.
const on = (id, event, act) => document.querySelector(id).addEventListener(event, async (e) => {
  e.preventDefault();
  say("");
  await act(e.target).catch((refused) => say(refused.message));
});

on("#sign-in", "submit", async (form) => {
  const { email, password, code } = form.elements;
  try {
    if (ticket) await call("POST", auth + "login/mfa/", "", { mfa_token: ticket, method: "totp", code: code.value });
    else await call("POST", auth + "login/", "", { email: email.value, password: password.value, transport: "cookie" });
  } catch (refused) {
    if (refused.code === "mfa_required") {
      ticket = refused.mfa_token;
      show("second");
    }
    throw refused;
  }
  form.hidden = true;
  await begin();
});

on("#notes form", "submit", async (form) => {
  await once("POST", `/tenants/${slug}/notes`, { body: form.elements.body.value });
  form.reset();
  await list();
});

on("#delete-all", "click", async () => {
  await once("DELETE", `/tenants/${slug}/notes`);
  await list();
});

begin();
