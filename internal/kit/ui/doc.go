// Package ui renders the HTML pages: one design system, three layouts, a catalogue of texts in
// eight languages, no script that a page needs, nothing from elsewhere.
//
// A feature brings a [Set]: its page bodies (html/template) and its texts. The root gathers the
// sets in [New]; handlers call [UI.Write]. Package uitest checks a set in a test of its feature.
//
// # Pages
//
// A page file is pages/NAME.html. It begins with {{/* version 1 */}}; whoever changes what the page
// expects of its data or its texts counts up, so that an operator's override is not used by mistake.
// It defines "title" (plain text: it is also the window's) and "body", and may define "lead" (below
// the heading) and "actions" (beside it). The dot of all is [Page].Data.
//
// Functions: t KEY NAME VALUE…, rich (t with its values in bold), detail CODE DETAIL (of a fault),
// date, day, number, device NAME, place PLACE, field, status KIND TEXT, chart, dict, asset, brand BRAND
// (the address of its style sheet; empty: it needs none), lang, dir.
//
// Shared templates:
//
//	{{template "problems" .Form}}                                   what is wrong, with links to the fields
//	{{template "field" (field .Form "email" "label" (t "ui.email"))}}  a labelled field, its hint, its problems
//	{{template "submit" (t "ui.save")}}                             the button of a form
//	{{template "empty" (t "…")}}                                    where there is nothing yet
//	{{template "status" (status "good" (t "…"))}}                   good, warn, bad, off or info
//	{{template "pager" .Pager}}                                     a [Pager]
//	{{template "same" .Same}}                                       a [Same]
//	{{template "tile" (dict "label" … "value" … "hint" … "href" …)}}   one number
//	{{template "chart" (chart .Chart)}}                             a [Chart]
//
// Classes: section.box (.danger), .grid of boxes, .tiles of tiles, .actions and .row of buttons;
// button and .button, also .quiet, .danger, .small, .link; ul.list (a row: a div, then what can be
// done), dl.facts, .note (.good, .warn, .bad), p.or, .narrow, .muted, .mono, .end, .hidden (for screen
// readers alone); tables in div.scroll (tabindex=0, role=region, aria-label), table.cards with
// data-label on each td to become cards on phones, .num; form.toolbar, .bulk, details.confirm with
// summary.button; th data-all and pre data-copy get their controls from the script.
//
// A form that asks for a passkey has the attribute data-passkey-create or data-passkey-get, whose value
// is what navigator.credentials is asked for (WebAuthn Level 3 section 5.1.9, as JSON), or is empty and
// data-passkey-begin says where to POST for it; it is hidden, and shown by the script. It has the hidden
// fields ticket and credential, of which the script fills the second, and a p.problem data-passkey-error,
// hidden, role=alert, with the texts data-failed and, to create one, data-exists. What a page says where
// there are no passkeys has data-passkey-missing.
//
// # Texts
//
// A text file is locales/LANG.json, nested; its top levels are the set's name and "problem", for
// faults by code. Placeholders are {{.name}}. A text with plural forms is {"one": …, "other": …},
// chosen by n. English is complete; what another language lacks is shown in English.
package ui
