// The elements that hold a value.
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { channelName, useStore, type Block, type Json } from "./store";
import { plain, type Send } from "./blocks";

interface Props {
  element: Json;
  block: Block;
  label: string;
  described?: string;
  value: any;
  send: Send;
}

export function Field(props: Props) {
  switch (props.element.type) {
    case "plain_text_input":
      return <Typed {...props} />;
    case "radio_buttons":
      return <Radio {...props} />;
    case "external_select":
      return <Searched {...props} />;
    default:
      return <Select {...props} />;
  }
}

const ids = ({ block, element }: Props) => ({ block: block.block_id, action: element.action_id });

function Typed(props: Props) {
  const { element, label, described, value, send } = props;
  const [text, setText] = useState<string>(value ?? "");
  const timer = useRef<number>(undefined);
  const pending = useRef(false);
  const flush = () => {
    window.clearTimeout(timer.current);
    if (!pending.current) return;
    pending.current = false;
    void send({ do: "fill", ...ids(props), text: field.current?.value ?? "" });
  };
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const shared = {
    ref: field,
    value: text,
    "aria-label": label,
    "aria-describedby": described,
    "aria-invalid": !!described?.includes("-error"),
    placeholder: plain(element.placeholder) || undefined,
    maxLength: element.max_length ?? 3000,
    onBlur: flush,
    onChange: (event: { target: { value: string } }) => {
      setText(event.target.value);
      pending.current = true;
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(flush, 150);
    },
  };
  return element.multiline ? <textarea rows={4} {...shared} /> : <input type="text" {...shared} />;
}

function Radio(props: Props) {
  const { element, label, value, send } = props;
  const name = useId();
  const [chosen, setChosen] = useState<string | undefined>(value?.value);
  useEffect(() => setChosen(value?.value), [value?.value]);
  return (
    <fieldset>
      <legend className="unseen">{label}</legend>
      {element.options.map((o: Json) => (
        <label key={o.value}>
          <input
            type="radio"
            name={name}
            checked={o.value === chosen}
            onChange={() => {
              setChosen(o.value);
              void send({ do: "choose", ...ids(props), text: o.text.text });
            }}
          />
          {plain(o.text)}
        </label>
      ))}
    </fieldset>
  );
}

// Select is a native menu of options or of conversations.
function Select(props: Props) {
  const { element, label, described, value, send } = props;
  const workspace = useStore((s) => s.workspace);
  const channels = useStore((s) => s.channels);
  const kinds: string[] | undefined = element.filter?.include;
  const kindOf = { channel: "public", private: "private", direct: "im" };
  const options: { value: string; text: string; shown: string }[] =
    element.type === "conversations_select"
      ? channels
          .filter((c) => !c.archived && c.kind !== "direct" && (!kinds || kinds.includes(kindOf[c.kind])))
          .map((c) => ({ value: c.id, text: "#" + c.name, shown: "#" + channelName(c, workspace) }))
      : (element.options ?? []).map((o: Json) => ({ value: o.value, text: o.text.text, shown: plain(o.text) }));
  const held: string = (typeof value === "string" ? value : value?.value) ?? "";
  const [chosen, setChosen] = useState(held);
  useEffect(() => setChosen(held), [held]);
  return (
    <select
      value={chosen}
      aria-label={label || "Menu"}
      aria-describedby={described}
      onChange={(event) => {
        const option = options.find((o) => o.value === event.target.value);
        if (!option) return;
        setChosen(option.value);
        void send({ do: "choose", ...ids(props), text: option.text }).catch(() => setChosen(held));
      }}
    >
      {!chosen && <option value="">{plain(element.placeholder) || "Choose an option"}</option>}
      {options.map((o) => <option key={o.value} value={o.value}>{o.shown}</option>)}
    </select>
  );
}

// Searched is a menu whose options the app gives while one types.
function Searched(props: Props) {
  const { element, label, described, value, send } = props;
  const list = useId();
  const [typed, setTyped] = useState<string | null>(null); // null while nothing is searched
  const [options, setOptions] = useState<string[] | null>(null);
  const [active, setActive] = useState(0);
  const least: number = element.min_query_length ?? 3;
  const held: string = value?.text?.text ?? "";
  useEffect(() => {
    if (typed === null || typed.length < least) {
      setOptions(null);
      return;
    }
    let current = true;
    const timer = window.setTimeout(async () => {
      const found = await send({ do: "search", ...ids(props), text: typed }).catch(() => []);
      if (current) {
        setOptions(found ?? []);
        setActive(0);
      }
    }, 120);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [typed]);
  const choose = (text: string) => {
    setTyped(null);
    void send({ do: "choose", ...ids(props), text });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const count = options?.length ?? 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (typed === null) setTyped("");
      else if (count > 0) setActive((active + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    } else if (event.key === "Enter") {
      event.preventDefault(); // It does not submit the form.
      const text = options?.[active];
      if (typed !== null && text !== undefined) choose(text);
    } else if (event.key === "Escape" && typed !== null) {
      event.preventDefault();
      event.stopPropagation();
      setTyped(null);
    }
  };
  const open = typed !== null && options !== null;
  return (
    <div className="search">
      <input
        type="text"
        role="combobox"
        aria-label={label}
        aria-describedby={described}
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={open && options.length > 0 ? list + active : undefined}
        autoComplete="off"
        placeholder={plain(element.placeholder) || "Search"}
        value={typed ?? held}
        onFocus={(event) => event.target.select()}
        onClick={() => least === 0 && typed === null && setTyped("")}
        onBlur={() => setTyped(null)}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <ul id={list} role="listbox" aria-label={label} hidden={!open}>
        {options?.map((text, i) => (
          <li
            key={i}
            id={list + i}
            role="option"
            aria-selected={i === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(text)}
          >
            {text}
          </li>
        ))}
        {options?.length === 0 && <li className="none" role="option" aria-selected={false} aria-disabled>Nothing found</li>}
      </ul>
    </div>
  );
}
