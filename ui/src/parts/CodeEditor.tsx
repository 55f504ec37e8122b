import { lazy, Suspense, useEffect } from "react";
import { jsonProblem } from "../lib/json";
import s from "./CodeEditor.module.css";

export interface CodeEditorProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
  /** Heights in px. */
  minHeight?: number | undefined;
  maxHeight?: number | undefined;
  /** Told what is wrong with the text, or null when it is JSON. */
  onProblem?: ((problem: string | null) => void) | undefined;
}

const Editor = lazy(() => import("./CodeMirror"));

/** JSON to edit, with colours and validation. The editor itself is loaded when it is first shown. */
export function CodeEditor(props: CodeEditorProps) {
  const { value, onProblem, label, minHeight = 160, maxHeight = 360 } = props;
  useEffect(() => onProblem?.(jsonProblem(value)), [value, onProblem]);
  return (
    <div className={s.frame} style={{ minHeight, maxHeight }}>
      <Suspense
        fallback={
          <textarea
            className={s.plain}
            style={{ minHeight }}
            aria-label={label}
            value={value}
            onChange={(event) => props.onChange(event.target.value)}
            spellCheck={false}
          />
        }
      >
        <Editor {...props} minHeight={minHeight} maxHeight={maxHeight} />
      </Suspense>
    </div>
  );
}
