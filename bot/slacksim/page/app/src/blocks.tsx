// Block Kit: the library draws what is read, this file what is used.
import { Component, memo, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { Message as Drawn } from "slack-blocks-to-jsx";
import { emojify } from "node-emoji";
import { useStore, type Block, type Json } from "./store";
import { Confirm } from "./dialog";
import { Field } from "./field";

// Send carries an element's act to the server. It returns once the app has answered.
export type Send = (what: Json) => Promise<any>;

export const plain = (object: Json | undefined): string => (object ? emojify(unescape(object.text ?? "")) : "");

const unescape = (text: string) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

const isWeb = (url: string) => /^(https?|mailto):/i.test(url);

// when formats a date token of Slack's (Formatting text, Date formatting) in the viewer's own time zone.
export function when(seconds: number, format: string): string {
  const at = new Date(seconds * 1000);
  const clock = (options: Intl.DateTimeFormatOptions) => at.toLocaleTimeString([], options);
  const day = (options: Intl.DateTimeFormatOptions) => at.toLocaleDateString([], options);
  const pretty = (text: string) => dayName(at) ?? text;
  const tokens: Record<string, () => string> = {
    "{date_num}": () => day({ year: "numeric", month: "2-digit", day: "2-digit" }),
    "{date}": () => day({ year: "numeric", month: "long", day: "numeric" }),
    "{date_short}": () => day({ year: "numeric", month: "short", day: "numeric" }),
    "{date_long}": () => day({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    "{date_pretty}": () => pretty(day({ year: "numeric", month: "long", day: "numeric" })),
    "{date_short_pretty}": () => pretty(day({ month: "short", day: "numeric" })),
    "{date_long_pretty}": () => pretty(day({ weekday: "long", month: "long", day: "numeric" })),
    "{time}": () => clock({ hour: "2-digit", minute: "2-digit" }),
    "{time_secs}": () => clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  };
  return format.replace(/\{\w+\}/g, (token) => tokens[token]?.() ?? token);
}

// dayName returns "today" or "yesterday", or null for another day.
export function dayName(at: Date): string | null {
  const now = new Date();
  const days = (d: Date) => Math.round(new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime() / 86_400_000);
  return { 0: "today", 1: "yesterday" }[days(now) - days(at)] ?? null;
}

// Undrawn catches what the library cannot draw, so that one message does not take the others with it.
class Undrawn extends Component<{ children: ReactNode; text: string }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    return this.state.failed ? <p className="undrawn">{this.props.text}</p> : this.props.children;
  }
}

// literal are the characters that the library takes for markup where Slack shows them: escaped ones, those in code, and marks between word
// joiners. While it parses a text, characters of the private use area stand in for them.
const literal = "<>*_~";
const standIn = (c: string) => String.fromCharCode(0xe000 + literal.indexOf(c));
const guarded = (text: string) =>
  text
    .replace(/&lt;/g, standIn("<"))
    .replace(/&gt;/g, standIn(">"))
    .replace(/`[^`\n]+`|(?<=\u2060)[*_~](?=\u2060)/g, (part) => part.replace(/[*_~]/g, standIn));

// restored puts the literal characters back into what is drawn.
function restored(drawn: Node) {
  const texts = document.createTreeWalker(drawn, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.nodeValue ?? "";
    const shown = text.replace(/[\ue000-\ue004]/g, (c) => literal[c.charCodeAt(0) - 0xe000]!);
    if (shown !== text) texts.currentNode.nodeValue = shown;
  }
}

// parsed copies blocks as the library reads them. It takes the flag verbatim, which concerns links without markup, for plain text.
const parsed = (value: any): any =>
  Array.isArray(value)
    ? value.map(parsed)
    : value && typeof value === "object"
      ? Object.fromEntries(
          Object.entries(value).flatMap(([k, v]) =>
            k === "verbatim" ? [] : [[k, k === "text" && value.type === "mrkdwn" ? guarded(String(v)) : parsed(v)]],
          ),
        )
      : value;

// Text draws blocks without controls.
const Text = memo(function Text({ blocks }: { blocks: Block[] }) {
  const workspace = useStore((s) => s.workspace);
  const names = useStore((s) => s.names);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (box.current) restored(box.current);
  });
  const mention = (id: string, name: string) => (
    <span className={"mention" + (id === workspace?.me ? " me" : "")}>{name.startsWith("@") ? name : "@" + name}</span>
  );
  return (
    <Undrawn text={blocks.map((b) => b.text?.text ?? "").join("\n")}>
      <div ref={box}>
        <Drawn
          blocks={parsed(blocks)}
          logo=""
          name=""
          withoutWrapper
          hooks={{
            user: ({ id }: any) => mention(id, names[id] ?? id),
            usergroup: ({ id }: any) => mention(id, names[id] ?? id),
            channel: ({ id }: any) => <a className="mention" href={"#" + id}>{names[id] ?? id}</a>,
            atHere: () => <span className="mention me">@here</span>,
            atChannel: () => <span className="mention me">@channel</span>,
            atEveryone: () => <span className="mention me">@everyone</span>,
            date: ({ timestamp, format, link }: any) => {
              const text = <time dateTime={new Date(Number(timestamp) * 1000).toISOString()}>{when(Number(timestamp), format)}</time>;
              return link && isWeb(link) ? <a href={link} target="_blank" rel="noopener noreferrer">{text}</a> : text;
            },
            link: ({ href, children }: any) =>
              isWeb(href ?? "") ? <a href={href} target="_blank" rel="noopener noreferrer">{children}</a> : <span>{children}</span>,
          }}
        />
      </div>
    </Undrawn>
  );
});

function Button({ element, block, act, send }: { element: Json; block: Block; act: string; send: Send }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const click = async () => {
    setAsking(false);
    if (element.url && isWeb(element.url)) window.open(element.url, "_blank", "noopener,noreferrer");
    setBusy(true);
    await send({ do: act, block: block.block_id, action: element.action_id }).finally(() => setBusy(false));
  };
  return (
    <>
      <button
        type="button"
        className={"button " + (element.style ?? "")}
        aria-label={element.accessibility_label}
        aria-busy={busy}
        onClick={() => !busy && (element.confirm ? setAsking(true) : void click())}
      >
        {plain(element.text)}
      </button>
      {asking && <Confirm confirm={element.confirm} onYes={() => void click()} onNo={() => setAsking(false)} />}
    </>
  );
}

interface Shown {
  blocks: Block[];
  send: Send;
  act: "click" | "click view";
  values?: Record<string, Record<string, any>>;
  errors?: Record<string, string> | null;
}

// Blocks draws the blocks of a message or of a modal. What stands together without controls is drawn as one.
export function Blocks({ blocks, send, act, values, errors }: Shown) {
  const element = (block: Block, e: Json, label: string, described?: string) =>
    e.type === "button" ? (
      <Button key={e.action_id} element={e} block={block} act={act} send={send} />
    ) : (
      <Field
        key={block.block_id + "/" + e.action_id + "/" + e.type}
        element={e}
        block={block}
        label={label}
        described={described}
        value={values?.[block.block_id]?.[e.action_id]}
        send={send}
      />
    );
  const drawn: ReactNode[] = [];
  let text: Block[] = [];
  const flush = () => {
    if (text.length > 0) drawn.push(<Text key={drawn.length} blocks={text} />);
    text = [];
  };
  for (const block of blocks) {
    if (block.type === "actions") {
      flush();
      drawn.push(
        <div key={drawn.length} className="actions">
          {block.elements.map((e: Json) => element(block, e, plain(e.placeholder)))}
        </div>,
      );
    } else if (block.type === "section" && block.accessory) {
      flush();
      const { accessory, ...rest } = block;
      drawn.push(
        <div key={drawn.length} className="beside">
          <Text blocks={[rest]} />
          <div>{element(block, accessory, plain(block.text))}</div>
        </div>,
      );
    } else if (block.type === "input") {
      flush();
      const id = "f-" + block.block_id;
      const error = errors?.[block.block_id];
      const described = [error && id + "-error", block.hint && id + "-hint"].filter(Boolean).join(" ") || undefined;
      drawn.push(
        <div key={block.block_id} className={"input" + (error ? " wrong" : "")}>
          <span className="label" id={id}>
            {plain(block.label)}
            {block.optional && <span className="optional"> (optional)</span>}
          </span>
          {element(block, block.element, plain(block.label), described)}
          {error && <p className="error" id={id + "-error"} role="alert">{error}</p>}
          {block.hint && <p className="hint" id={id + "-hint"}>{plain(block.hint)}</p>}
        </div>,
      );
    } else {
      text.push(block);
    }
  }
  flush();
  return <div className="blocks">{drawn}</div>;
}

// Words draws a text object.
export const Words = ({ text }: { text: Json }) => <Text blocks={[{ type: "section", text }]} />;
