// The list of a channel's messages, and a thread.
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { act, isReply, nameOf, useStore, type Block, type Message, type Workspace } from "./store";
import { Blocks, dayName } from "./blocks";

const seconds = (ts: string) => Number(ts.split(".")[0]);
const clock = (ts: string) => new Date(seconds(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function day(ts: string): string {
  const at = new Date(seconds(ts) * 1000);
  const name = dayName(at);
  return name ? name[0]!.toUpperCase() + name.slice(1) : at.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
}

// Avatar is a square with initials, in a colour of the person's own.
export function Avatar({ workspace, id, small }: { workspace: Workspace; id: string; small?: boolean }) {
  const app = workspace.users[id]?.app;
  const initials = app ? "66" : nameOf(workspace, id).split(" ").map((word) => word[0] ?? "").join("").slice(0, 2);
  const hue = [...id].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 12, 7);
  return <span className={`avatar hue${app ? "-app" : hue}${small ? " small" : ""}`} aria-hidden="true">{initials}</span>;
}

interface ItemProps {
  message: Message;
  replies: Message[];
  follows: boolean; // the same author's, just before
  openThread?: (ts: string) => void;
  report: (error: unknown) => void;
}

const Item = memo(function Item({ message: m, replies, follows, openThread, report }: ItemProps) {
  const workspace = useStore((s) => s.workspace)!;
  const [editing, setEditing] = useState<string | null>(null);
  const user = workspace.users[m.user];
  const blocks = useMemo<Block[]>(() => (m.blocks?.length ? m.blocks : [{ type: "section", text: { type: "mrkdwn", text: m.text } }]), [m]);
  const send = (what: object) => act({ channel: m.channel, ts: m.ts, ...what }).catch(report);
  const last = replies.at(-1);
  return (
    <article
      className={"message" + (m.ephemeral ? " ephemeral" : "") + (follows ? " follows" : "")}
      aria-label={`${nameOf(workspace, m.user)} at ${clock(m.ts)}`}
      data-ts={m.ts}
    >
      {follows ? <span className="gutter" aria-hidden="true">{clock(m.ts)}</span> : <Avatar workspace={workspace} id={m.user} />}
      <div className="content">
        {m.ephemeral && <p className="only">👁 Only visible to you</p>}
        {m.broadcast && <p className="only">replied to a thread</p>}
        {!follows && (
          <p className="author">
            <b>{nameOf(workspace, m.user)}</b>
            {m.app && <span className="tag">APP</span>}
            {user?.guest && <span className="tag">GUEST</span>}
            {user?.foreign && <span className="tag">EXTERNAL</span>}
            <time dateTime={new Date(seconds(m.ts) * 1000).toISOString()}>{clock(m.ts)}</time>
          </p>
        )}
        {editing === null ? (
          <Blocks blocks={blocks} act="click" send={send} />
        ) : (
          <form
            className="edit"
            onSubmit={(event) => {
              event.preventDefault();
              void send({ do: "edit", text: editing });
              setEditing(null);
            }}
          >
            <input type="text" aria-label="Edit the message" value={editing} autoFocus onChange={(event) => setEditing(event.target.value)} />
            <button type="button" className="button" onClick={() => setEditing(null)}>Cancel</button>
            <button type="submit" className="button primary">Save</button>
          </form>
        )}
        {m.edited && !m.app && editing === null && <span className="edited">(edited)</span>}
        {last && openThread && (
          <button type="button" className="replies" onClick={() => openThread(m.ts)}>
            {[...new Set(replies.map((r) => r.user))].slice(0, 3).map((id) => <Avatar key={id} workspace={workspace} id={id} small />)}
            <b>{replies.length} {replies.length === 1 ? "reply" : "replies"}</b>
            <span>Last reply {day(last.ts).toLowerCase()} at {clock(last.ts)}</span>
          </button>
        )}
      </div>
      {!m.ephemeral && editing === null && (
        <div className="tools">
          {openThread && (
            <button type="button" title="Reply in thread" aria-label="Reply in thread" onClick={() => openThread(m.thread ?? m.ts)}>💬</button>
          )}
          {m.user === workspace.me && (
            <button type="button" title="Edit message" aria-label="Edit message" onClick={() => setEditing(m.text)}>✏️</button>
          )}
        </div>
      )}
    </article>
  );
});

const noReplies: Message[] = [];
const page = 60;

interface ListProps {
  label: string;
  messages: Message[]; // to draw, oldest first
  replies?: Map<string, Message[]>; // by parent
  read?: string; // where the line of new messages is
  me: string;
  sent: number; // of messages from here: each leads the reader to the end
  openThread?: (ts: string) => void;
  report: (error: unknown) => void;
}

// List draws the newest messages, and older ones on demand. It stays at the end while the reader is there.
export function List({ label, messages, replies, read, me, sent, openThread, report }: ListProps) {
  const [count, setCount] = useState(page);
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const seen = useRef(sent);
  if (seen.current !== sent) {
    seen.current = sent;
    atEnd.current = true;
  }
  const shown = messages.slice(-count);
  const firstNew = read === undefined ? undefined : messages.find((m) => m.ts > read && m.user !== me)?.ts;
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    observer.observe(inner.current!);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      className="list"
      ref={box}
      role="log"
      aria-label={label}
      tabIndex={0}
      onScroll={({ currentTarget: c }) => (atEnd.current = c.scrollHeight - c.scrollTop - c.clientHeight < 40)}
    >
      <div ref={inner}>
        {shown.length < messages.length && (
          <button type="button" className="button earlier" onClick={() => setCount(count + 3 * page)}>Show earlier messages</button>
        )}
        {shown.map((m, i) => {
          const before = shown[i - 1];
          const newDay = !before || day(before.ts) !== day(m.ts);
          const follows = !newDay && m.ts !== firstNew && before.user === m.user && !m.ephemeral && !before.ephemeral && !m.app && !m.broadcast &&
            seconds(m.ts) - seconds(before.ts) < 300;
          return (
            <div key={m.ts}>
              {newDay && <p className="day"><span>{day(m.ts)}</span></p>}
              {m.ts === firstNew && <p className="new"><span>New</span></p>}
              <Item message={m} replies={replies?.get(m.ts) ?? noReplies} follows={follows} openThread={openThread} report={report} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const none: Message[] = [];

// useTimeline splits a channel into what stands in it and the replies by parent.
export function useTimeline(channel: string) {
  const all = useStore((s) => s.messages.get(channel) ?? none);
  return useMemo(() => {
    const replies = new Map<string, Message[]>();
    for (const m of all) {
      if (isReply(m) && !m.ephemeral) replies.set(m.thread!, [...(replies.get(m.thread!) ?? []), m]);
    }
    return { all, replies, timeline: all.filter((m) => !isReply(m) || m.broadcast) };
  }, [all]);
}
