// Types that the browser's scripts share. Read by the type checker alone: no page loads this file.
import type HlsClass from "hls.js";
import type HtmxObject from "htmx.org";

declare global {
  /** What a fragment's markup hangs in: its shadow root, or the slot's element itself. */
  type FragmentRoot = ShadowRoot | HTMLElement;

  /** What a fragment's own module exports. */
  type Mount = (root: FragmentRoot, options: { signal: AbortSignal }) => void | Promise<void>;

  type Freshness = "live" | "stale" | "down";

  /** A message of BFF live about one topic. */
  interface LiveMessage {
    topic: string;
    seq: [epoch: string, n: number];
    data: Json;
    state?: Freshness;
  }

  type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

  interface HtmxDetail {
    elt: HTMLElement;
    target?: HTMLElement;
    requestConfig?: { verb: string; triggeringEvent?: Event };
    pathInfo: { requestPath: string };
    headers: Record<string, string>;
    shouldSwap: boolean;
    serverResponse: string;
  }

  interface NoticeOptions {
    link?: string;
    slot?: string;
    ends?: string;
  }

  interface DocumentEventMap {
    "htmx:beforeRequest": CustomEvent<HtmxDetail>;
    "htmx:afterRequest": CustomEvent<HtmxDetail>;
    "htmx:configRequest": CustomEvent<HtmxDetail>;
    "htmx:beforeSwap": CustomEvent<HtmxDetail>;
    "htmx:sendError": CustomEvent<HtmxDetail>;
    "htmx:responseError": CustomEvent<HtmxDetail>;
    "htmx:timeout": CustomEvent<HtmxDetail>;
    "mullion:content": CustomEvent<{ slot: string; root: FragmentRoot; signal: AbortSignal; run: number }>;
    "mullion:changed": CustomEvent<{ topics?: string[]; sequence?: string; slot?: string } | null>;
    "mullion:received": CustomEvent<{ slot: string; receipt: string }>;
    "mullion:refetch": CustomEvent<{ endsOutcome?: boolean } | null>;
    "mullion:query": CustomEvent<{ query: string }>;
    "mullion:feed-back": CustomEvent<{ feed: string }>;
    "mullion:session-ended": CustomEvent<null>;
    "mullion:notice": CustomEvent<NoticeOptions & { words: string }>;
  }

  interface HTMLElementTagNameMap {
    "fragment-slot": HTMLElement;
    "fragment-end": HTMLElement;
    "page-layout": HTMLElement;
  }

  interface Navigator {
    /** Only where the browser tells what its network is like. */
    connection?: { saveData?: boolean };
  }

  // The vendored scripts name themselves on `window`.
  interface Window {
    /** Its own types leave out that it processes shadow roots, too. */
    htmx: Omit<typeof HtmxObject, "process"> & { process(root: FragmentRoot): void };
  }
  var Hls: typeof HlsClass | undefined;
}
