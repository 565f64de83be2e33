// A favourite is set in its place: the answer to the form is the slot itself, and not the way back to the page.

/** @type {Mount} */
export default function mount(root) {
  for (const form of root.querySelectorAll("form.acts")) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "in_place";
    field.value = "1";
    form.append(field);
  }
}

// A slot of the shell calls `mount`. In a page of another layout nobody does, and it is not done here either: nothing swaps
// an answer in there, so a form has to lead back to its page.
