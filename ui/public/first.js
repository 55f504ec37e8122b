// Runs before the first paint, so that a dark window never flashes white and the frame in index.html fits.
(() => {
  const stored = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const root = document.documentElement.dataset;
  const choice = stored("usher.appearance") ?? "system";
  const dark =
    choice === "dark" ||
    (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.theme = dark ? "dark" : "light";
  root.sidebar = stored("usher.sidebar") === "rail" ? "rail" : "wide";
  root.screen = ["", "/", "/messages"].includes(location.pathname) ? "messages" : "other";
})();
