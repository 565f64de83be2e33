// Judges pages of the sentinel's shape in a real browser. A case is {name, page, htmls}: `page` is the whole page, `htmls`
// what its middle slots are meant to hold, null where that is not asked. A judgement is a list of faults; none is a pass.

const FRAMES_AT_ONCE = 20;
const SETTLE_MS = 40; // error events of images and media come after the load event
const FRAME_HEIGHT = 20000; // the whole page in sight, so that nothing has to be scrolled
// What a fragment's style could change in its neighbours. Place and size are not among it: a taller body moves them.
const LOOK =
  `display position visibility opacity color background-color background-image border-top-width border-top-color
  font-family font-size font-weight font-style line-height letter-spacing text-align text-decoration-line text-transform
  direction cursor pointer-events user-select z-index float overflow-x transform filter clip-path mix-blend-mode
  animation-name transition-duration list-style-type padding-left outline-style box-shadow content`.split(/\s+/);

const ran = new Map(); // frame's number -> times that a script of its body ran
window.report = (number) => ran.set(number, (ran.get(number) ?? 0) + 1);

const rootOf = (slot) => slot?.shadowRoot ?? slot;

// Everything of the page that is the shell's or a sibling's, as text.
function structure(doc) {
  const layout = doc.querySelector("page-layout");
  const shell = doc.documentElement.cloneNode(true);
  for (const middle of shell.querySelectorAll("#slot-two")) middle.remove();
  for (const probe of shell.querySelectorAll("[data-probe]")) probe.remove();
  return [
    shell.outerHTML.replace(/\n+/g, "\n"),
    layout?.shadowRoot?.innerHTML,
    ...["one", "three", "four"].map((name) => rootOf(doc.getElementById(`slot-${name}`))?.innerHTML),
    [
      ...new Set(
        [...(layout?.children ?? [])].map((child) => `${child.localName} ${child.slot} ${!!child.shadowRoot}`),
      ),
    ].join(),
  ];
}

// With the roots that the body itself has brought, in which there may be others.
function serialised(root) {
  const roots = [root];
  for (const each of roots) {
    for (const host of each.querySelectorAll("*")) if (host.shadowRoot) roots.push(host.shadowRoot);
  }
  return root.getHTML({ shadowRoots: roots.filter((each) => each !== root) });
}

function contents(doc) {
  const begin = '<link rel="stylesheet" href="/assets/c">';
  const end = "<fragment-end></fragment-end>";
  return [...doc.querySelectorAll("#slot-two")].map((slot) => {
    const html = serialised(rootOf(slot));
    return html.startsWith(begin) && html.endsWith(end) ? html.slice(begin.length, -end.length) : `not framed: ${html}`;
  });
}

function parsed(doc, control, wanted) {
  const faults = [];
  const found = structure(doc);
  if (found.some((text, index) => text !== control.structure[index])) faults.push("the shell's structure changed");
  if (wanted === null) return faults;
  const held = contents(doc);
  if (held.length !== wanted.length) faults.push(`${held.length} slots instead of ${wanted.length}`);
  // Chromium leaves out the line feed that a serialiser puts before one that begins a preformatted text.
  const expected = wanted.map((html) => html.replace(/(<(?:pre|textarea)[^>]*>)\n\n/g, "$1\n"));
  for (const [index, html] of held.entries()) if (html !== expected[index]) faults.push(`another tree: ${html}`);
  return faults;
}

// The shell's and the siblings' elements that are looked at and pressed.
function witnesses(doc) {
  const layout = doc.querySelector("page-layout")?.shadowRoot;
  const three = doc.getElementById("slot-three")?.shadowRoot;
  const four = doc.getElementById("slot-four");
  return [
    doc.querySelector("header a"),
    doc.querySelector("header button"),
    layout?.querySelector("h1"),
    doc.getElementById("slot-one")?.shadowRoot?.querySelector("p"),
    three?.querySelector("a b"),
    three?.querySelector("button"),
    four?.querySelector("p"),
    four?.querySelector("button"),
    doc.querySelector("footer p"),
  ];
}

function look(element) {
  const style = element.ownerDocument.defaultView.getComputedStyle(element);
  return LOOK.map((name) => style.getPropertyValue(name)).join(";");
}

function deepest(doc, x, y) {
  let at = doc.elementFromPoint(x, y);
  while (at?.shadowRoot) {
    const inner = at.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === at) break;
    at = inner;
  }
  return at;
}

function pressed(element) {
  let box = element.getBoundingClientRect();
  if (box.bottom > FRAME_HEIGHT) {
    element.scrollIntoView({ block: "center" });
    box = element.getBoundingClientRect();
  }
  return deepest(element.ownerDocument, box.x + box.width / 2, box.y + box.height / 2) === element;
}

function live(frame, control, wanted) {
  const doc = frame.contentDocument;
  if (!doc || frame.contentWindow.location.href !== "about:srcdoc") return ["the page went elsewhere"];
  const faults = parsed(doc, control, wanted);
  if (ran.get(frame.number)) faults.push("a script ran");
  if (typeof doc.querySelector !== "function" || doc.body?.localName !== "body")
    faults.push("the document is clobbered");
  if (doc.activeElement !== doc.body) faults.push("the focus was taken");
  if (frame.contentWindow.htmx || frame.contentWindow.exports || frame.contentWindow.mullion)
    faults.push("a global was taken");
  const seen = witnesses(doc);
  if (seen.some((element) => !element?.isConnected)) return [...faults, "a sibling is gone"];
  seen.forEach((element, index) => {
    if (control.looks && look(element) !== control.looks[index])
      faults.push(`${element.localName} of a sibling looks different`);
    if (!pressed(element)) faults.push(`${element.localName} of a sibling can not be pressed`);
  });
  return faults;
}

let numbers = 0;

async function framed(cases, each) {
  const results = [];
  for (let from = 0; from < cases.length; from += FRAMES_AT_ONCE) {
    const frames = await Promise.all(
      cases.slice(from, from + FRAMES_AT_ONCE).map(
        (one) =>
          new Promise((done) => {
            const frame = document.createElement("iframe");
            frame.number = ++numbers;
            frame.style.cssText = `width: 1280px; height: ${FRAME_HEIGHT}px`;
            frame.addEventListener("load", () => done(frame), { once: true });
            frame.srcdoc = one.page.replaceAll("NUMBER", frame.number);
            document.body.append(frame);
          }),
      ),
    );
    await new Promise((done) => setTimeout(done, SETTLE_MS));
    for (const [index, frame] of frames.entries()) results.push(each(frame, cases[from + index]));
    for (const frame of frames) frame.remove();
  }
  return results;
}

const failed = (cases, results) =>
  results.map((faults, index) => ({ name: cases[index].name, faults })).filter((result) => result.faults.length);

// The faults of each case that has any, by parsing alone: fast, and no script can run.
// This way to parse leaves comments out where a browser sanitises by it; live documents show them.
const keepsComments = Document.parseHTMLUnsafe("<!--a-->x").documentElement.outerHTML.includes("<!--a-->");
const parsable = (html) => (keepsComments ? html : html.replace(/<!--[^>]*-->/g, ""));

window.judgeParsed = (control, cases) => {
  const pattern = { structure: structure(Document.parseHTMLUnsafe(control)) };
  return failed(
    cases,
    cases.map((one) => parsed(Document.parseHTMLUnsafe(one.page), pattern, one.htmls.map(parsable))),
  );
};

// The same in live documents, with scripts on, laid out and painted.
window.judgeLive = async (control, cases) => {
  const [pattern] = await framed([{ page: control }], (frame) => ({
    structure: structure(frame.contentDocument),
    looks: witnesses(frame.contentDocument).map(look),
  }));
  return failed(cases, await framed(cases, (frame, one) => live(frame, pattern, one.htmls)));
};
