import { StrictMode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import "slack-blocks-to-jsx/dist/style.css";
import "./style.css";
import { act, channelName, connect, current, isReply, nameOf, useStore, type Channel, type Task } from "./store";
import { Avatar, List, useTimeline } from "./messages";
import { Composer } from "./composer";
import { Modal } from "./dialog";
import { SidePanel } from "./panel";

// place is where the reader is: it stands in the address, so that a reload and a link lead back.
interface Place {
  as: string;
  channel: string;
  thread: string;
}

const here = (): Place => {
  const [channel = "", thread = ""] = location.hash.slice(1).split("/");
  return { as: new URLSearchParams(location.search).get("as") ?? "", channel, thread };
};

const address = (p: Place) => `?as=${p.as}#${p.channel}${p.thread && "/" + p.thread}`;

function usePlace() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const changed = () => setPlace(here());
    addEventListener("popstate", changed);
    addEventListener("hashchange", changed);
    return () => {
      removeEventListener("popstate", changed);
      removeEventListener("hashchange", changed);
    };
  }, []);
  const go = useCallback((to: Partial<Place>) => {
    history.pushState(null, "", address({ ...here(), thread: "", ...to }));
    setPlace(here());
  }, []);
  return [place, go] as const;
}

// unread counts what a channel has that the person has not read: all of it, and what is meant for them.
function useUnread(c: Channel) {
  const all = useStore((s) => s.messages.get(c.id));
  const me = useStore((s) => s.workspace?.me);
  return useMemo(() => {
    const fresh = (all ?? []).filter((m) => m.ts > c.read && m.user !== me && (!isReply(m) || m.pings || m.broadcast));
    return { any: fresh.length > 0, mine: fresh.filter((m) => m.pings || c.kind === "direct").length };
  }, [all, c.read, me]);
}

function Row({ channel, open, go }: { channel: Channel; open: boolean; go: () => void }) {
  const workspace = useStore((s) => s.workspace);
  const unread = useUnread(channel);
  const sign = channel.kind === "private" ? "🔒" : channel.kind === "direct" ? "●" : "#";
  return (
    <li>
      <button type="button" className={"row" + (unread.any && !open ? " unread" : "")} aria-current={open ? "page" : undefined} onClick={go}>
        <span className={"sign " + channel.kind} aria-hidden="true">{sign}</span>
        <span className="name">{channelName(channel, workspace)}</span>
        {unread.any && !open && <span className="unseen"> unread</span>}
        {unread.mine > 0 && !open && <span className="badge" aria-label={`${unread.mine} mentions`}>{unread.mine}</span>}
      </button>
    </li>
  );
}

function Tasks({ start }: { start: (task: Task) => void }) {
  const tasks = useStore((s) => s.panel?.tasks);
  if (!tasks) return null;
  const done = tasks.filter((t) => t.done).length;
  return (
    <details className="tasks" open={done < tasks.length}>
      <summary>Five things to try <span>{done}/{tasks.length}</span></summary>
      <ol>
        {tasks.map((t) => (
          <li key={t.text} className={t.done ? "done" : ""}>
            <button type="button" onClick={() => start(t)}>
              <span className="tick" aria-hidden="true">{t.done ? "✓" : ""}</span>
              <span>
                {t.text}
                {t.done && <span className="unseen"> (done)</span>}
                {!t.done && <small>{t.how}</small>}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Switch({ go }: { go: (as: string) => void }) {
  const workspace = useStore((s) => s.workspace)!;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const role = workspace.people.find((p) => p.id === workspace.me)?.role;
  return (
    <div
      className="switch"
      ref={box}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onBlur={(event) => !box.current?.contains(event.relatedTarget) && setOpen(false)}
    >
      <button type="button" aria-expanded={open} aria-haspopup="true"
        onClick={() => setOpen(!open)}>
        <Avatar workspace={workspace} id={workspace.me} small />
        <span className="who">{nameOf(workspace, workspace.me)} <small>{role}</small></span>
        <span className="unseen">: look through other eyes</span>
        <span aria-hidden="true">▾</span>
      </button>
      {open && (
        <ul>
          {workspace.people.map((p) => (
            <li key={p.id}>
              <button type="button" aria-current={p.id === workspace.me ? "true" : undefined} onClick={() => (setOpen(false), go(p.id))}>
                <Avatar workspace={workspace} id={p.id} small />
                <span>{nameOf(workspace, p.id)} <small>{p.role}</small></span>
              </button>
              <a href={"?as=" + p.id} target="_blank" aria-label={`${nameOf(workspace, p.id)} in a tab of their own`} title="In a tab of their own">↗</a>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function App() {
  const [place, go] = usePlace();
  const workspace = useStore((s) => s.workspace);
  const online = useStore((s) => s.online);
  const channels = useStore((s) => s.channels);
  const [menu, setMenu] = useState(false);
  const [panel, setPanel] = useState(false);
  const [toast, setToast] = useState("");
  const [task, setTask] = useState<Task>();
  const report = useCallback((error: unknown) => setToast(error instanceof Error ? error.message : String(error)), []);

  useEffect(() => {
    connect(place.as);
  }, [place.as]);
  useEffect(() => {
    if (!toast) return;
    const timer = window.setTimeout(() => setToast(""), 8000);
    return () => window.clearTimeout(timer);
  }, [toast]);

  const sorted = useMemo(() => [...channels].sort((a, b) => Number(a.kind === "direct") - Number(b.kind === "direct")), [channels]);
  const channel = sorted.find((c) => c.id === place.channel) ?? sorted.find((c) => c.name === workspace?.home) ?? sorted[0];
  if (!workspace || !channel) {
    return <main className="wait"><p role="status">{online ? "…" : "Connecting…"}</p></main>;
  }
  const start = (task: Task) => {
    go({ as: task.as, channel: task.channel });
    setMenu(false);
    setTask(task);
  };
  const open = (id: string) => {
    go({ channel: id });
    setMenu(false);
  };
  const rows = (direct: boolean) =>
    sorted
      .filter((c) => (c.kind === "direct") === direct)
      .map((c) => <Row key={c.id} channel={c} open={c.id === channel.id} go={() => open(c.id)} />);
  return (
    <div className={"page" + (menu ? " menu" : "") + (panel ? " with-panel" : "")}>
      <header className="top">
        <button type="button" className="plain burger" aria-label="Channels" aria-expanded={menu} onClick={() => setMenu(!menu)}>☰</button>
        <b className="team">{workspace.team}</b>
        <span className="simulated">a simulated Slack</span>
        <button type="button" className="plain behind" aria-expanded={panel} onClick={() => setPanel(!panel)}>☁ Cloud 66</button>
        <Switch go={(as) => go({ as, channel: place.channel })} />
      </header>
      <nav className="channels" aria-label="Channels and direct messages">
        <div className="scroll">
          <h2>Channels</h2>
          <ul>{rows(false)}</ul>
          <h2>Apps</h2>
          <ul>{rows(true)}</ul>
        </div>
        <Tasks start={start} />
      </nav>
      <Conversation key={workspace.me + channel.id} channel={channel} thread={place.thread} go={go} report={report}
        prefill={task?.as === workspace.me && task.channel === channel.id ? task.type : undefined} onPrefilled={() => setTask(undefined)} />
      {panel && <SidePanel onClose={() => setPanel(false)} report={report} />}
      <Modal report={report} />
      {!online && <p className="offline" role="status">The connection to the demonstration is lost. Trying again…</p>}
      <p className="toast" role="alert" hidden={!toast}>⚠ {toast}</p>
    </div>
  );
}

interface ConversationProps {
  channel: Channel;
  thread: string;
  go: (to: Partial<Place>) => void;
  prefill?: string;
  onPrefilled: () => void;
  report: (error: unknown) => void;
}

function Conversation({ channel, thread, go, prefill, onPrefilled, report }: ConversationProps) {
  const workspace = useStore((s) => s.workspace)!;
  const { all, replies, timeline } = useTimeline(channel.id);
  const [read] = useState(channel.read || undefined);
  const name = (channel.kind === "direct" ? "" : channel.kind === "private" ? "🔒 " : "# ") + channelName(channel, workspace);
  const spoken = channelName(channel, workspace);
  const newest = all.at(-1)?.ts ?? "";
  const openThread = useCallback((ts: string) => go({ channel: channel.id, thread: ts }), [channel.id]);
  const parent = thread ? all.find((m) => m.ts === thread) : undefined;
  const [sent, setSent] = useState(0);
  const onSent = () => setSent(sent + 1);

  useEffect(() => {
    const mark = () => {
      const now = current().channels.find((c) => c.id === channel.id);
      if (document.visibilityState === "visible" && now && newest > now.read) void act({ do: "read", channel: channel.id, ts: newest }).catch(() => {});
    };
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [channel.id, newest]);
  useEffect(() => {
    document.title = `${name} – ${workspace.team}`;
  }, [name, workspace.team]);

  return (
    <>
      <main className="conversation">
        <header>
          <h1>{name}</h1>
          {channel.shared && <span className="tag">SHARED</span>}
          <span className="members">{channel.kind === "direct" ? "" : `${channel.members.length + (channel.has_bot ? 1 : 0)} members`}</span>
        </header>
        <List label={"Messages in " + spoken} messages={timeline} replies={replies} read={read} me={workspace.me} sent={sent}
          openThread={openThread} report={report} />
        <Composer channel={channel.id} label={"Message " + (channel.kind === "direct" ? spoken : "#" + spoken)} prefill={prefill}
          onPrefilled={onPrefilled} onSent={onSent} />
      </main>
      {parent && (
        <aside className="side thread" aria-label="Thread">
          <header>
            <h2>Thread <small>{name}</small></h2>
            <button type="button" className="plain" aria-label="Close the thread" onClick={() => go({ channel: channel.id })}>✕</button>
          </header>
          <List
            key={parent.ts}
            label="Messages in the thread"
            messages={all.filter((m) => m.ts === parent.ts || m.thread === parent.ts)}
            me={workspace.me}
            sent={sent}
            report={report}
          />
          <Composer key={"to" + parent.ts} channel={channel.id} thread={parent.ts} label="Reply…" onSent={onSent} />
        </aside>
      )}
    </>
  );
}

createRoot(document.getElementById("page")!).render(<StrictMode><App /></StrictMode>);
