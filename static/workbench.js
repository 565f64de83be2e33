// The workbench reads itself again when the fragment's files have changed: the server says which run of it is shown.

const shown = document.documentElement.dataset.generation;

new EventSource("/events").addEventListener("message", (event) => {
  if (event.data !== shown) location.reload();
});
