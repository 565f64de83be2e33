// The workbench reads itself again when the fragment's files have changed: the server says which run of it is shown.

/** @type {HTMLMetaElement | null} */
const shown = document.querySelector('meta[name="generation"]');

new EventSource("/events").addEventListener("message", (event) => {
  if (event.data !== shown?.content) location.reload();
});
