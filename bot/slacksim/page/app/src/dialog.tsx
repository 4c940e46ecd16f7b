// Dialogs: the browser's own, which keeps the focus inside.
import { useEffect, useRef, type ReactNode } from "react";
import { act, useStore, type Json, type View } from "./store";
import { Blocks, plain, Words, type Send } from "./blocks";

export function Dialog(props: { title: string; onClose: () => void; children: ReactNode; small?: boolean; footer: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const focused = useRef(false);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  useEffect(() => {
    const field = dialog.current?.querySelector<HTMLElement>(".body :is(input, select, textarea)");
    if (!field || focused.current) return;
    focused.current = true; // The fields may come after the dialog has opened, and only once.
    field.focus();
  });
  return (
    <dialog
      ref={dialog}
      className={props.small ? "small" : ""}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2>{props.title}</h2>
        <button type="button" className="plain" aria-label="Close" onClick={props.onClose}>✕</button>
      </header>
      <div className="body" tabIndex={-1}>{props.children}</div>
      <footer>{props.footer}</footer>
    </dialog>
  );
}

export function Confirm({ confirm, onYes, onNo }: { confirm: Json; onYes: () => void; onNo: () => void }) {
  return (
    <Dialog
      small
      title={plain(confirm.title)}
      onClose={onNo}
      footer={
        <>
          <button type="button" className="button" onClick={onNo}>{plain(confirm.deny)}</button>
          <button type="button" autoFocus className={"button " + (confirm.style ?? "primary")} onClick={onYes}>{plain(confirm.confirm)}</button>
        </>
      }
    >
      <Words text={confirm.text} />
    </Dialog>
  );
}

// Modal is the person's open view.
export function Modal({ report }: { report: (error: unknown) => void }) {
  const view = useStore((s) => s.view);
  return view ? <Opened key={view.id} view={view} report={report} /> : null;
}

function Opened({ view, report }: { view: View; report: (error: unknown) => void }) {
  const order = useRef<Promise<unknown>>(Promise.resolve()); // Acts in a view go out one after the other, as they were done.
  const send: Send = (what) => {
    const sent = order.current.then(() => act(what));
    order.current = sent.catch(() => undefined);
    if (what.do !== "search") void sent.catch(report);
    return sent.catch(() => undefined);
  };
  const close = () => void send({ do: "close view" });
  return (
    <Dialog
      title={view.title}
      onClose={close}
      footer={
        <>
          <button type="button" className="button" onClick={close}>{view.close || "Close"}</button>
          {view.submit && <button type="submit" form="modal" className="button primary">{view.submit}</button>}
        </>
      }
    >
      <form
        id="modal"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (document.activeElement instanceof HTMLInputElement) {
            document.activeElement.blur(); // It sends what was typed last.
          }
          void send({ do: "submit" });
        }}
      >
        {view.trouble && <p className="trouble" role="alert">{view.trouble}</p>}
        <Blocks blocks={view.blocks} values={view.values} errors={view.errors} act="click view" send={send} />
      </form>
    </Dialog>
  );
}
