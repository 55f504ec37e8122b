import { lazy, type RefObject, Suspense, useEffect, useLayoutEffect, useRef } from "react";
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
  const { value, onProblem, minHeight = 160, maxHeight = 360 } = props;
  const focused = useRef(false);
  useEffect(() => onProblem?.(jsonProblem(value)), [value, onProblem]);
  return (
    <div className={s.frame} style={{ minHeight, maxHeight }}>
      <Suspense fallback={<Plain {...props} minHeight={minHeight} focused={focused} />}>
        <Editor {...props} minHeight={minHeight} maxHeight={maxHeight} focused={focused} />
      </Suspense>
    </div>
  );
}

/** Stands in while the editor is loaded, and tells whether it had the focus when it goes. */
function Plain({
  value,
  onChange,
  label,
  minHeight,
  focused,
}: CodeEditorProps & { focused: RefObject<boolean> }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const own = area.current;
    return () => {
      focused.current = own !== null && own === document.activeElement;
    };
  }, [focused]);
  return (
    <textarea
      ref={area}
      className={s.plain}
      style={{ minHeight }}
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      spellCheck={false}
    />
  );
}
