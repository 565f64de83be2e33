// The lines between the cards. They are a picture of what the buttons say, and hidden from whoever hears it.
import { set } from "./dom.js";

const NS = "http://www.w3.org/2000/svg";
// A line gets wider with its traffic, up to this.
const WIDTH_MAX = 3.5;
// What everybody calls is drawn faintly until somebody looks at it.
const QUIET = new Set(["valkey", "database", "broker"]);

/**
 * @param {SVGSVGElement} svg
 * @param {HTMLElement} root
 * @param {Hop[]} hops
 * @param {Map<string, { place: HTMLElement }>} places
 * @param {Map<string, HTMLElement>} nodes
 */
export function drawLines(svg, root, hops, places, nodes) {
  const origin = root.getBoundingClientRect();
  set(svg, "viewBox", `0 0 ${Math.round(origin.width)} ${Math.round(origin.height)}`);
  /** @type {Map<string, SVGPathElement>} */
  const paths = new Map([...svg.querySelectorAll("path")].map((path) => [path.dataset.hop ?? "", path]));
  for (const hop of hops) {
    const from = places.get(hop.name)?.place.getBoundingClientRect();
    const to = nodes.get(hop.called)?.getBoundingClientRect();
    if (!from || !to) continue;
    let path = paths.get(hop.name);
    paths.delete(hop.name);
    if (!path) {
      path = document.createElementNS(NS, "path");
      path.dataset.hop = hop.name;
      svg.append(path);
    }
    const moved = hop.breakers.find((each) => each.position !== "closed");
    set(path, "d", curve(origin, from, to, hop.caller.length % 5));
    set(path, "data-state", hop.state);
    set(path, "data-quiet", QUIET.has(hop.called) ? "" : null);
    set(path, "data-breaker", moved?.position ?? null);
    set(path, "data-busy", hop.per_s ? "" : null);
    set(path, "stroke-width", String(Math.min(WIDTH_MAX, 1 + Math.log10(1 + (hop.per_s ?? 0)))));
  }
  for (const gone of paths.values()) gone.remove();
}

/** @param {DOMRect} origin @param {DOMRect} from @param {DOMRect} to @param {number} spread */
function curve(origin, from, to, spread) {
  const down = to.top >= from.bottom;
  const x1 = from.left + from.width / 2 - origin.left;
  const y1 = (down ? from.bottom : from.top) - origin.top;
  const x2 = to.left + to.width / 2 - origin.left + (spread - 2) * Math.min(12, to.width / 8);
  const y2 = (down ? to.top : to.bottom) - origin.top;
  const bend = Math.max(18, Math.abs(y2 - y1) * 0.45) * (down ? 1 : -1);
  return `M${at(x1)} ${at(y1)}C${at(x1)} ${at(y1 + bend)} ${at(x2)} ${at(y2 - bend)} ${at(x2)} ${at(y2)}`;
}

/** @param {number} value */
function at(value) {
  return value.toFixed(1);
}
