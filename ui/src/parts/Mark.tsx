/** The crimson ticket. */
export function Mark({ size = 18 }: { size?: number }) {
  return (
    <svg
      viewBox="0 0 40 26"
      width={size}
      height={(size * 26) / 40}
      aria-hidden="true"
      fill="var(--crimson)"
    >
      <path
        fillRule="evenodd"
        d="M4 0h32a4 4 0 0 1 4 4v5a4 4 0 0 0 0 8v5a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4v-5a4 4 0 0 0 0-8V4a4 4 0 0 1 4-4ZM24.5 4v3.5h3.5V4ZM24.5 11.25v3.5h3.5v-3.5ZM24.5 18.5V22h3.5v-3.5Z"
      />
    </svg>
  );
}
