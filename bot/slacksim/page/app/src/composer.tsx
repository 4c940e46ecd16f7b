// The composer, with completion of commands and of people.
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { act, useStore, type Workspace } from "./store";

interface Choice {
  insert: string;
  name: string;
  description: string;
  shortcut?: string; // its id, for one that runs at once
}

interface Props {
  channel: string;
  thread?: string;
  label: string;
  prefill?: string; // taken once
  onPrefilled?: () => void;
  onSent: () => void;
}

// choices returns what fits the word before the caret.
function choices(workspace: Workspace, text: string, thread: boolean): Choice[] {
  if (text.startsWith("/") && !text.includes(" ")) {
    if (thread) return [];
    const fits = (name: string) => name.toLowerCase().includes(text.slice(1).toLowerCase());
    return [
      ...workspace.commands
        .filter((c) => c.name.startsWith(text))
        .map((c) => ({ insert: c.name + " ", name: `${c.name} [${c.hint}]`, description: c.description })),
      ...workspace.shortcuts
        .filter((s) => fits(s.name))
        .map((s) => ({ insert: "", name: s.name, description: s.description, shortcut: s.id })),
    ];
  }
  const word = /(?:^|[\s,(])@(\w*)$/.exec(text)?.[1];
  if (word === undefined) return [];
  return Object.values(workspace.users)
    .filter((u) => u.name !== "slackbot" && (u.name + " " + u.real).toLowerCase().includes(word.toLowerCase()))
    .map((u) => ({ insert: text.slice(0, text.length - word.length) + u.name + " ", name: "@" + u.name, description: u.app ? "App" : u.real }))
    .slice(0, 8);
}

export function Composer({ channel, thread, label, prefill, onPrefilled, onSent }: Props) {
  const workspace = useStore((s) => s.workspace)!;
  const bot = Object.values(workspace.users).find((u) => u.app)?.name ?? "";
  const draft = ["draft", workspace.me, channel, thread ?? ""].join("/");
  const [text, setText] = useState(() => sessionStorage.getItem(draft) ?? "");
  const [active, setActive] = useState(0);
  const [closed, setClosed] = useState(false);
  const [notice, setNotice] = useState<ReactNode>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  const found = closed ? [] : choices(workspace, text, !!thread);
  const command = workspace.commands.find((c) => text === c.name + " ");

  useEffect(() => sessionStorage.setItem(draft, text), [draft, text]);
  useEffect(() => {
    if (prefill === undefined) return;
    setText(prefill);
    setClosed(true);
    field.current?.focus();
    onPrefilled?.();
  }, [prefill]);
  useLayoutEffect(() => {
    const area = field.current!;
    area.rows = Math.min(8, Math.max(1, text.split("\n").length + Math.floor(text.length / 90)));
  }, [text]);

  const fail = (failed: string) => (error: unknown) => {
    setNotice(error instanceof Error ? error.message : String(error));
    setText((now) => now || failed);
  };
  const send = (typed: string) => {
    const trimmed = typed.trim();
    if (!trimmed) return;
    setNotice(null);
    setText("");
    onSent();
    if (!trimmed.startsWith("/")) {
      void act({ do: "say", channel, thread, text: trimmed }).catch(fail(typed));
      return;
    }
    if (!thread) {
      void act({ do: "command", channel, text: trimmed }).catch(fail(typed));
      return;
    }
    const [name, ...words] = trimmed.split(" ");
    const mention = `@${bot} ${words.join(" ")}`;
    setText(typed);
    setNotice(
      <>
        <code>{name}</code> is not supported in threads. Sorry!{" "}
        {workspace.commands.some((c) => c.name === name) && (
          <button type="button" className="link" onClick={() => send(mention)}>Send “{mention}” instead</button>
        )}
      </>,
    );
  };
  const take = (choice: Choice) => {
    if (choice.shortcut) {
      setText("");
      void act({ do: "shortcut", action: choice.shortcut }).catch(fail(""));
      return;
    }
    setText(choice.insert);
    setActive(0);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const chosen = found[active];
    const step = { ArrowDown: 1, ArrowUp: found.length - 1 }[event.key];
    if (chosen && step !== undefined) {
      event.preventDefault();
      setActive((active + step) % found.length);
    } else if (chosen && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
      event.preventDefault();
      take(chosen);
    } else if (chosen && event.key === "Escape") {
      event.stopPropagation();
      setClosed(true);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send(text);
    }
  };

  return (
    <div className="composer">
      {notice && (
        <p className="notice" role="alert">
          <span>{notice}</span>
          <button type="button" className="plain" aria-label="Dismiss" onClick={() => setNotice(null)}>✕</button>
        </p>
      )}
      <ul className="choices" id={list} role="listbox" aria-label="Completions" hidden={found.length === 0}>
        {found.map((c, i) => (
          <li
            key={c.name}
            id={list + i}
            role="option"
            aria-selected={i === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(c)}
          >
            <b>{c.name}</b> <span>{c.description}</span>
          </li>
        ))}
      </ul>
      <div className="box">
        <textarea
          ref={field}
          rows={1}
          aria-label={label}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={found.length > 0 ? list + active : undefined}
          placeholder={label}
          maxLength={12000}
          value={text}
          onChange={(event) => {
            setText(event.target.value.replace(/^\n+/, ""));
            setActive(0);
            setClosed(false);
          }}
          onKeyDown={onKeyDown}
        />
        {command && <span className="ghost" aria-hidden="true">{command.name} <i>[{command.hint}]</i></span>}
        <button type="button" className="send" aria-label="Send" disabled={!text.trim()} onClick={() => send(text)}>➤</button>
      </div>
    </div>
  );
}
