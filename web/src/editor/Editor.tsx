import type { ReactElement } from "react";
import { lazy, Suspense } from "react";

import type { EditorProps } from "./CodeEditor";

const CodeEditor = lazy(() => import("./CodeEditor"));

/** CodeMirror, loaded when it is needed. Until then the text can be read already. */
export function Editor(props: EditorProps): ReactElement {
  const waiting = <pre data-editor-waiting className="min-h-40 rounded-md border border-line-strong bg-surface p-3 font-mono text-xs whitespace-pre-wrap">{props.value}</pre>;
  return (
    <Suspense fallback={waiting}>
      <CodeEditor {...props} />
    </Suspense>
  );
}
