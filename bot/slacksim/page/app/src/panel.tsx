// What lies behind Slack: the stacks, the connections, the bot.
import { useState } from "react";
import { operate, useStore, type Stack } from "./store";

const apis = { "": "Well", stalled: "Stalled", throttled: "Throttled (429)", down: "Down (503)" };
const speeds = [1, 10, 60];

export function SidePanel({ onClose, report }: { onClose: () => void; report: (error: unknown) => void }) {
  const panel = useStore((s) => s.panel);
  const [open, setOpen] = useState("");
  const [says, setSays] = useState("Build failed: bundle install exited with 7");
  if (!panel) return null;
  const run = (act: string, args?: Record<string, string>) => void operate(act, args).catch(report);
  const row = (s: Stack) => (
    <li key={s.name}>
      <button type="button" className="stack" aria-expanded={open === s.name} onClick={() => setOpen(open === s.name ? "" : s.name)}>
        <span className={"dot " + s.state} aria-hidden="true" />
        <b>{s.name}</b>
        <span className="state">{s.state}{s.next && ` · next ${s.next}`}</span>
        <small>#{s.newest} {s.ref} by {s.by}</small>
      </button>
      {open === s.name && (
        <div className="acts">
          <button type="button" className="button" onClick={() => run("push", { stack: s.name })}>Push a commit</button>
          <button type="button" className="button" onClick={() => run("deploy", { stack: s.name })}>Deploy from the dashboard</button>
          <button type="button" className="button" onClick={() => run("revert", { stack: s.name })}>Roll back</button>
          <fieldset>
            <legend>The next deployment</legend>
            <label>
              says
              <input type="text" value={says} maxLength={200} onChange={(event) => setSays(event.target.value)} />
            </label>
            <button type="button" className="button" disabled={s.next !== ""} onClick={() => run("fail next", { stack: s.name, message: says })}>
              and fails
            </button>
            <button type="button" className="button" disabled={s.next !== ""} onClick={() => run("ill next", { stack: s.name })}>
              Goes live, then falls ill
            </button>
          </fieldset>
        </div>
      )}
    </li>
  );
  return (
    <aside className="side panel" aria-label="Cloud 66">
      <header>
        <h2>Cloud 66</h2>
        <button type="button" className="plain" aria-label="Close the panel" onClick={onClose}>✕</button>
      </header>
      <div className="scroll" tabIndex={-1}>
        <section>
          <h3>The bot</h3>
          <p>
            <span className={"dot " + (panel.bot ? (panel.connected ? "live" : "queued") : "failed")} aria-hidden="true" />
            {panel.bot ? (panel.connected ? "Runs and is connected" : "Runs, not connected") : "Does not run"}
          </p>
          <div className="acts">
            {panel.bot ? (
              <button type="button" className="button danger" onClick={() => run("kill bot")}>Kill it</button>
            ) : (
              <button type="button" className="button primary" onClick={() => run("start bot")}>Start it again</button>
            )}
            <button type="button" className="button" disabled={!panel.connected} onClick={() => run("cut slack")}>Cut its connection to Slack</button>
          </div>
        </section>
        <section>
          <h3>Deployments and the API</h3>
          <label>
            API
            <select value={panel.api} onChange={(event) => run("api", { state: event.target.value })}>
              {Object.entries(apis).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </select>
          </label>
          <fieldset className="speeds">
            <legend>Speed of deployments</legend>
            {[...new Set([...speeds, panel.speed])].sort((a, b) => a - b).map((speed) => (
              <label key={speed}>
                <input type="radio" name="speed" checked={panel.speed === speed} onChange={() => run("speed", { speed: String(speed) })} />
                {speed}×
              </label>
            ))}
          </fieldset>
        </section>
        <section>
          <h3>Stacks</h3>
          <ul className="stacks">{panel.stacks.map(row)}</ul>
        </section>
      </div>
    </aside>
  );
}
