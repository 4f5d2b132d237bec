import { Compartment, EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { ReactElement } from "react";
import { useEffect, useRef } from "react";

import type { Mistake } from "./mistakes";
import { shownMistakes } from "./mistakes";
import type { Names } from "./setup";
import { basics, languageOf } from "./setup";

export interface EditorProps {
  label: string;
  value: string;
  onChange?: (value: string) => void;
  language: "sql" | "message" | "json";
  /** For completion. */
  names?: Names;
  mistakes?: Mistake[];
  /** For Ctrl/Cmd-Enter. */
  onSubmit?: () => void;
  minLines?: number;
}

/**
 * Mounted in a shadow root: there CodeMirror adopts its style sheets, where in the document it would write `style` elements,
 * which the content security policy does not take.
 */
export default function CodeEditor({ label, value, onChange, language, names, mistakes, onSubmit, minLines = 6 }: EditorProps): ReactElement {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const slots = useRef({ language: new Compartment(), mistakes: new Compartment() });
  // The newest handlers, for a view that lives longer than them.
  const handlers = useRef({ onChange, onSubmit });
  useEffect(() => {
    handlers.current = { onChange, onSubmit };
  });

  useEffect(() => {
    const parent = host.current;
    if (!parent) return undefined;
    const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
    const changes = EditorView.updateListener.of((update) => {
      if (update.docChanged) handlers.current.onChange?.(update.state.doc.toString());
    });
    const state = EditorState.create({
      doc: value,
      extensions: [
        basics({ label, minLines, readOnly: !handlers.current.onChange, onSubmit: () => handlers.current.onSubmit?.() }),
        slots.current.language.of(languageOf(language, names)),
        slots.current.mistakes.of(shownMistakes(mistakes ?? [])),
        changes,
      ],
    });
    const made = new EditorView({ state, parent: root, root });
    view.current = made;
    return () => {
      made.destroy();
      view.current = undefined;
    };
    // What else changes is handed over below.
  }, []); // oxlint-disable-line react-hooks/exhaustive-deps

  useEffect(() => {
    view.current?.dispatch({ effects: slots.current.language.reconfigure(languageOf(language, names)) });
  }, [language, names]);
  useEffect(() => {
    view.current?.dispatch({ effects: slots.current.mistakes.reconfigure(shownMistakes(mistakes ?? [])) });
  }, [mistakes]);
  useEffect(() => {
    const shown = view.current;
    if (shown && shown.state.doc.toString() !== value) shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={host} data-editor={label} className="min-w-0 overflow-hidden rounded-md border border-line-strong bg-surface focus-within:border-accent" />;
}
