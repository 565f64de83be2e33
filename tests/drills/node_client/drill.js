// Toxiproxy's client for Node against the API at argv[2]: every call that it has, on a proxy of its own before argv[3].
// Prints what came of it as JSON.
"use strict";
const { Toxiproxy } = require("toxiproxy-node-client");

async function refused(promise) {
  try {
    await promise;
    return "accepted";
  } catch (error) {
    return error.message;
  }
}

async function main() {
  const toxiproxy = new Toxiproxy(process.argv[2]);
  const seen = { version: JSON.parse(await toxiproxy.getVersion()).version };
  const proxy = await toxiproxy.createProxy({ name: "node", listen: "localhost:0", upstream: process.argv[3] });
  seen.created = { name: proxy.name, enabled: proxy.enabled, upstream: proxy.upstream, port: proxy.listen.split(":")[1] };
  seen.twice = await refused(toxiproxy.createProxy({ name: "node", upstream: process.argv[3] }));
  const toxic = await proxy.addToxic({ type: "latency", attributes: { latency: 200 } });
  seen.toxic = toxic.toJson();
  seen.updated = (await toxic.update({ attributes: { latency: 5, jitter: 1 } })).toJson();
  seen.got = (await proxy.getToxic("latency_downstream")).toJson();
  seen.session = (await proxy.addToxic({ type: "silence", name: "mine", session: "amber.1", ttl_s: 5 })).name;
  await toxic.remove();
  seen.removed = await refused(proxy.getToxic("latency_downstream"));
  seen.unknown = await refused(proxy.addToxic({ type: "latncy", attributes: {} }));
  seen.down = (await proxy.update({ enabled: false })).enabled;
  await toxiproxy.reset();
  const again = (await toxiproxy.getAll()).node;
  seen.reset = { enabled: again.enabled };
  seen.populated = Object.keys(
    await toxiproxy.populate([
      { name: "node", listen: again.listen, upstream: again.upstream },
      { name: "other", listen: "127.0.0.1:0", upstream: process.argv[3] },
    ]),
  );
  await (await toxiproxy.get("other")).remove();
  await proxy.remove();
  seen.gone = await refused(toxiproxy.get("node"));
  console.log(JSON.stringify(seen));
}

main();
