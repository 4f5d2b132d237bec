import type { ReactElement } from "react";

import { useUnsavedGuard } from "@/lib/useForm";

import { Button } from "./Button";
import { Dialog } from "./Dialog";

/** Asks before what was typed is lost. */
export function Unsaved({ dirty }: { dirty: boolean }): ReactElement | null {
  const guard = useUnsavedGuard(dirty);
  if (guard.status !== "blocked") return null;
  return (
    <Dialog open onClose={guard.reset} title="Leave without saving?">
      <p className="text-muted">What you changed on this page is not saved yet.</p>
      <div className="mt-4 flex justify-end gap-2">
        <Button kind="danger" onClick={guard.proceed}>Leave and lose it</Button>
        <Button kind="primary" onClick={guard.reset}>Stay</Button>
      </div>
    </Dialog>
  );
}
