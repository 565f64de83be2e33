/* What the console's process says, as its scripts read it. */
interface Breaker {
  hop?: string;
  upstream: string;
  position: string;
}
interface FaultOn {
  name: string;
  words: string;
  whom: string;
  scope: string;
  stream: string;
  left_s: number;
  lasts_s: number | null;
}
interface Hop {
  name: string;
  caller: string;
  called: string;
  speaks: string[];
  state: "well" | "broken" | "absent";
  why: string;
  connections: number;
  per_s: number | null;
  faults: FaultOn[];
  breakers: Breaker[];
  marked: boolean;
}
interface SystemNode {
  name: string;
  source: "well" | "silent" | "unreachable" | "outside";
  detail: string;
  breakers: Breaker[];
}
interface Row {
  title: string;
  nodes: SystemNode[];
}
interface Step {
  state: string;
  reason: string;
  after_ms: number;
  healed_ms: number | null;
  others: number[];
}
interface Entry {
  number: number;
  hop: string;
  words: string;
  scope: string;
  whom: string;
  by: string;
  at_ms: number;
  lasted_ms: number | null;
  how: string;
  hits: string;
  closed: boolean;
  changes: { viewer: string; slot: string; steps: Step[] }[];
  untouched: { viewer: string; slot: string }[];
}
interface SystemState {
  problem: string;
  rows: Row[];
  hops: Hop[];
  pages: string;
  framed: boolean;
  sessions: { there: boolean; why: string; tester: boolean };
  slots: Record<string, Record<string, { state: string; reason: string }>>;
  history: Entry[];
}
interface Parameter {
  name: string;
  claim: string;
  value: number | string;
  number: boolean;
  least: number;
  most: number;
  choices: string[];
}
interface Fault {
  name: string;
  layer: string;
  claim: string;
  streams: string[];
  parameters: Parameter[];
}
interface Catalogue {
  faults: Fault[];
  applicable: Record<string, string[]>;
  for_s: { default: number; most: number };
}
