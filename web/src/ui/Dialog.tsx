import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { FormEvent, ReactElement, ReactNode } from "react";
import { useState } from "react";

import { Button, IconButton } from "./Button";
import { cx } from "./cx";
import { Field, Input } from "./Field";
import { ProblemNote } from "./states";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  wide?: boolean;
}

export function Dialog({ open, onClose, title, children, wide }: DialogProps): ReactElement {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Base.Popup className={cx("fixed top-[10vh] left-1/2 z-40 max-h-[80vh] w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 overflow-y-auto rounded-lg border border-line bg-raised p-5 shadow-xl", wide && "max-w-2xl")}>
          <div className="mb-3 flex items-start justify-between gap-4">
            <Base.Title className="text-base font-semibold">{title}</Base.Title>
            <Base.Close render={<IconButton label="Close" small className="-mt-1 -mr-1" />}>
              <X className="size-4" aria-hidden />
            </Base.Close>
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What it does, with its size. */
  children: ReactNode;
  action: string;
  danger?: boolean;
  /** Has to be typed first, where much is at stake. */
  typed?: string;
  onConfirm: () => Promise<unknown>;
}

export function Confirm({ open, onClose, title, children, action, danger, typed, onConfirm }: ConfirmProps): ReactElement {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => (setText(""), setError(undefined), onClose());
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      close();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onClose={close} title={title}>
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <div className="space-y-2 text-muted">{children}</div>
        {typed !== undefined && (
          <Field label={<>Type <code className="rounded bg-sunken px-1 font-mono text-ink select-all">{typed}</code> to confirm</>}>
            <Input value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" autoFocus />
          </Field>
        )}
        {error !== undefined && <ProblemNote error={error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Keep as it is</Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} busy={busy} refusal={typed !== undefined && text !== typed && `Type ${typed} first`}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
