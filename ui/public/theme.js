// Runs before the first paint so that a dark window never flashes white.
(() => {
  let choice = "system";
  try {
    choice = localStorage.getItem("usher.appearance") ?? "system";
  } catch {
    // Storage may be off; the system's choice is right then.
  }
  const dark =
    choice === "dark" ||
    (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
