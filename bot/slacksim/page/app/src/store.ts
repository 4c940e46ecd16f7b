// What the person sees, as the server tells it. Each frame replaces the parts that changed.
import { useSyncExternalStore } from "react";

export type Json = Record<string, any>;
export type Block = Json;

export interface Message {
  ts: string;
  channel: string;
  thread?: string;
  user: string;
  app?: boolean;
  text: string;
  blocks?: Block[];
  ephemeral?: boolean;
  broadcast?: boolean;
  edited?: boolean;
  pings?: boolean;
}

export interface Channel {
  id: string;
  name: string;
  kind: "channel" | "private" | "direct";
  archived?: boolean;
  shared?: boolean;
  members: string[];
  has_bot: boolean;
  read: string;
}

export interface View {
  id: string;
  title: string;
  submit: string;
  close: string;
  blocks: Block[];
  values: Record<string, Record<string, any>>;
  errors: Record<string, string> | null;
  trouble: string;
}

export interface User {
  name: string;
  real: string;
  app?: boolean;
  guest?: boolean;
  foreign?: boolean;
}

export interface Task {
  text: string;
  how: string;
  as: string;
  channel: string;
  type: string;
  done: boolean;
}

export interface Stack {
  name: string;
  state: string;
  newest: number;
  ref: string;
  by: string;
  next: string;
}

export interface Panel {
  stacks: Stack[];
  speed: number;
  api: string;
  bot: boolean;
  connected: boolean;
  tasks: Task[];
}

export interface Workspace {
  team: string;
  home: string;
  me: string;
  people: { id: string; role: string }[];
  users: Record<string, User>;
  commands: { name: string; description: string; hint: string }[];
  shortcuts: { name: string; description: string; id: string }[];
}

export interface State {
  online: boolean;
  workspace: Workspace | null;
  names: Record<string, string>;
  channels: Channel[];
  view: View | null;
  panel: Panel | null;
  messages: Map<string, Message[]>; // by channel, oldest first
}

const empty: State = { online: false, workspace: null, names: {}, channels: [], view: null, panel: null, messages: new Map() };

let state = empty;
let source: EventSource | undefined;
const listeners = new Set<() => void>();

function set(next: State) {
  state = next;
  for (const listener of listeners) listener();
}

const byTime = (a: Message, b: Message) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0);

function apply(frame: { parts?: Partial<State>; messages?: Message[]; gone?: string[] }) {
  const next: State = { ...state, ...frame.parts, online: true };
  if (frame.messages || frame.gone) {
    const messages = new Map(state.messages);
    const changed = new Map<string, Map<string, Message>>();
    const of = (channel: string) => {
      let all = changed.get(channel);
      if (!all) changed.set(channel, (all = new Map((messages.get(channel) ?? []).map((m) => [m.ts, m]))));
      return all;
    };
    for (const m of frame.messages ?? []) of(m.channel).set(m.ts, m);
    for (const ts of frame.gone ?? []) {
      for (const [channel, all] of messages) if (all.some((m) => m.ts === ts)) of(channel).delete(ts);
    }
    for (const [channel, all] of changed) messages.set(channel, [...all.values()].sort(byTime));
    next.messages = messages;
  }
  set(next);
}

let user = "";

// connect follows what a person sees. The first frame of a connection holds all of it. A hidden tab lets go of its connection: browsers
// allow six to a host.
export function connect(as: string) {
  user = as;
  source?.close();
  if (document.visibilityState === "hidden") return;
  let first = true;
  source = new EventSource("events?as=" + encodeURIComponent(user));
  source.onopen = () => (first = true);
  source.onmessage = (event) => {
    if (first) state = { ...empty };
    first = false;
    apply(JSON.parse(event.data));
  };
  source.onerror = () => set({ ...state, online: false });
}

document.addEventListener("visibilitychange", () => connect(user));

export function useStore<T>(select: (s: State) => T): T {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => select(state),
  );
}

export const current = () => state;

async function post(where: string, what: Json): Promise<any> {
  let answer: any;
  try {
    const response = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what) });
    answer = await response.json();
  } catch {
    throw new Error("The demonstration does not answer. Does it still run?");
  }
  if (answer.error) throw new Error(answer.error);
  return answer.result;
}

// act does something as the person whose eyes the tab looks through. It fails with the text that Slack shows.
export const act = (what: Json) => post("act", { as: state.workspace?.me, ...what });

export const operate = (act: string, args: Record<string, string> = {}) => post("panel", { act, args });

export const isReply = (m: Message) => !!m.thread && m.thread !== m.ts;

export function nameOf(s: Workspace | null, id: string): string {
  const user = s?.users[id];
  return user ? user.real || user.name : id;
}

export function channelName(c: Channel, s: Workspace | null): string {
  if (c.kind !== "direct") return c.name;
  const bot = Object.entries(s?.users ?? {}).find(([, u]) => u.app);
  return c.has_bot && bot ? bot[1].name : c.members.filter((id) => id !== s?.me).map((id) => nameOf(s, id)).join(", ");
}
