// Podium's own packages, unmodified, in one process for all tests: podlets, plain servers, layouts and the schema.
//
// One JSON object a line comes in on stdin, `{id, command, ...}`; one goes out on stdout, `{id, result}` or `{id, error}`.
// The process ends with its stdin. `rig.py` speaks for it in Python and says what the commands take.
import { once } from "node:events";
import { createInterface } from "node:readline";
import Layout from "@podium/layout";
import Podlet from "@podium/podlet";
import * as schemas from "@podium/schemas";
import * as utils from "@podium/utils";
import express from "express";

const HOST = "127.0.0.1";
const running = new Map(); // url -> { server, state }

const COMMANDS = {
  async start({ variants }) {
    return Promise.all(variants.map((variant) => start(variant)));
  },
  async change({ url, variant }) {
    Object.assign(found(url), build({ ...found(url).variant, ...variant }));
    return null;
  },
  async requests({ url }) {
    const { requests } = found(url);
    return requests.splice(0);
  },
  async stop({ url }) {
    const { server } = found(url);
    running.delete(url);
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    return null;
  },
  async layout({ name, podlets, options = {} }) {
    return startLayout(name, podlets, options);
  },
  // What Podium's client makes of each manifest: the errors of its schema, or the value with its defaults.
  async validate({ manifests }) {
    return manifests.map((manifest) => {
      const { error, value } = schemas.manifest(structuredClone(manifest));
      return error ? { errors: error.map((each) => `${each.instancePath} ${each.message}`) } : { value };
    });
  },
  // Where Podium's client asks: [[content, manifest's address, the slot's pathname], ...].
  async addresses({ cases }) {
    return cases.map(([content, manifest, pathname]) =>
      utils.uriBuilder(pathname, utils.uriRelativeToAbsolute(content, manifest)),
    );
  },
  // The elements that a layout writes for assets: { css: [...], js: [...] } -> the same as HTML.
  async elements({ css = [], js = [] }) {
    return {
      css: css.map((asset) => new utils.AssetCss(asset).toHTML()),
      js: js.map((asset) => new utils.AssetJs(asset).toHTML()),
    };
  },
};

function found(url) {
  const entry = running.get(url);
  if (!entry) throw new Error(`nothing runs at ${url}`);
  return entry;
}

async function start(variant) {
  const state = build(variant);
  const url = await listen((request, response) => state.app(request, response), state);
  return { url, manifest_url: url + (state.podlet?.manifest() ?? variant.manifest ?? "/manifest.json") };
}

async function listen(handler, state) {
  const server = express()
    .use((request, response) => {
      const { method, url, headers } = request;
      state.requests.push({ method, url, headers });
      handler(request, response);
    })
    .listen(0, HOST);
  await once(server, "listening");
  const url = `http://${HOST}:${server.address().port}`;
  running.set(url, Object.assign(state, { server }));
  return url;
}

// A variant as an application of its own: a podlet as Podium's book writes one, or with `plain` a server without Podium.
function build(variant) {
  const app = express();
  app.set("etag", false);
  const state = { app, variant, requests: [], podlet: variant.plain ? null : podletOf(variant) };
  for (const [path, answer] of Object.entries(variant.files ?? {})) app.get(path, (_, response) => send(response, answer));
  if (state.podlet) app.use(state.podlet.middleware());
  const manifest = variant.manifest_json;
  if (manifest || state.podlet) {
    const path = state.podlet?.manifest() ?? variant.manifest ?? "/manifest.json";
    app.get(path, (_, response) => response.json({ ...(manifest ? {} : state.podlet.toJSON()), ...manifest, ...variant.extend }));
  }
  const pages = { ...variant.pages };
  if (state.podlet) {
    pages[state.podlet.content()] ??= variant.html ?? `<p>${variant.name}: content</p>`;
    if (variant.fallback) pages[state.podlet.fallback()] ??= `<p>${variant.name}: fallback</p>`;
  }
  for (const [path, answer] of Object.entries(pages)) app.get(path, (_, response) => send(response, answer));
  for (const [path, kind] of Object.entries(variant.api ?? {})) app.all(path, (request, response) => API[kind](request, response, state));
  return state;
}

// What an API of a podlet's author does: `variant.api` maps a path (as Express writes one) to one of these.
const API = {
  async echo(request, response) {
    const { method, url, headers } = request;
    let bytes = 0;
    const head = [];
    for await (const chunk of request) {
      if (bytes < 1000) head.push(chunk);
      bytes += chunk.length;
    }
    response.json({ method, url, headers, bytes, body: Buffer.concat(head).subarray(0, 1000).toString() });
  },
  // HTML with the beginning of what was sent, as a page shows it after a form.
  async received(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).subarray(0, 1000).toString().replace(/[&<]/g, (each) => `&#${each.charCodeAt(0)};`);
    response.podiumSend(`<div id="app"><pre class="received">${text}</pre></div>`);
  },
  // Events until the other side leaves; `requests` says "closed" when it has.
  events(request, response, state) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let n = 0;
    const timer = setInterval(() => response.write(`id: ${++n}\ndata: event ${n}\n\n`), 20);
    request.on("close", () => {
      clearInterval(timer);
      state.requests.push({ method: "closed", url: request.url, headers: {} });
    });
  },
  // A file of a million bytes, in parts where asked.
  file(request, response) {
    const whole = Buffer.alloc(1_000_000, "0123456789");
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const headers = { "content-type": "application/pdf", "content-disposition": 'attachment; filename="a.pdf"', "accept-ranges": "bytes" };
    if (!range) return response.writeHead(200, { ...headers, "content-length": whole.length }).end(whole);
    const [from, to] = [Number(range[1]), Number(range[2])];
    const part = whole.subarray(from, to + 1);
    headers["content-range"] = `bytes ${from}-${to}/${whole.length}`;
    return response.writeHead(206, { ...headers, "content-length": part.length }).end(part);
  },
  // `?status=422` and `headers=<JSON>` say what it answers.
  answer(request, response) {
    const { status = "200", headers = "{}", body = "" } = request.query;
    response.writeHead(Number(status), JSON.parse(headers)).end(body);
  },
};

function podletOf({ name, version = "1.0.0", pathname = "/", css = [], js = [], proxy = [], ...options }) {
  const accepted = ["manifest", "content", "fallback", "development", "useShadowDOM"];
  const taken = Object.fromEntries(accepted.filter((each) => each in options).map((each) => [each, options[each]]));
  const podlet = new Podlet({ name, version, pathname, ...taken });
  podlet.css(css);
  podlet.js(js);
  for (const each of proxy) podlet.proxy(each);
  return podlet;
}

// A string is HTML, sent as podlets send it; an object says `{ status, headers, body }` and is sent as it is.
function send(response, answer) {
  if (typeof answer === "string") {
    if (response.podiumSend) response.podiumSend(answer);
    else response.end(answer);
    return;
  }
  response.writeHead(answer.status ?? 200, answer.headers ?? {});
  response.end(answer.body ?? "");
}

// What of a page's query a podlet is handed: `?catalogue.search=lan` is `search=lan` for the podlet `catalogue`.
const queryOf = (request, name, queries) =>
  Object.fromEntries(
    queries.map((each) => [each, request.query[`${name}.${each}`]]).filter(([, value]) => value !== undefined),
  );

// A stock layout at `/` over these podlets: [{ name, uri, pathname?, query?, queries? }, ...]. `contexts` are its own.
async function startLayout(name, podlets, { contexts = {}, ...options }) {
  const layout = new Layout({ name, pathname: "/", ...options });
  for (const [each, value] of Object.entries(contexts)) layout.context.register(each, { parse: () => value });
  const clients = podlets.map(({ name: client, uri, queries = [], query, ...rest }) => {
    const optionsFor = (request) => ({ ...rest, query: { ...query, ...queryOf(request, client, queries) } });
    return [layout.client.register({ name: client, uri }), optionsFor];
  });
  const app = express();
  app.use(layout.middleware());
  app.get("/", async (request, response, next) => {
    try {
      const incoming = response.locals.podium;
      const fetched = await Promise.all(clients.map(([client, optionsFor]) => client.fetch(incoming, optionsFor(request))));
      incoming.podlets = fetched;
      const sections = fetched.map((each, at) => `<section data-slot="${podlets[at].name}">${each}</section>`);
      response.podiumSend(sections.join("\n"));
    } catch (error) {
      next(error);
    }
  });
  return { url: await listen(app, { requests: [] }) };
}

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const { id, command, ...parameters } = JSON.parse(line);
  let answer;
  try {
    if (!Object.hasOwn(COMMANDS, command)) throw new Error(`there is no command ${command}`);
    answer = { id, result: await COMMANDS[command](parameters) };
  } catch (error) {
    answer = { id, error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
lines.on("close", () => process.exit(0));
