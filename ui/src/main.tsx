import { render } from "preact";
import { App } from "./app.tsx";
import { followActivity } from "./live/activity.ts";
import { followLinks } from "./state/router.ts";
import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/tables.css";
import "./style/forms.css";
import "./style/dialogs.css";
import "./style/pages.css";
import "./style/data.css";

followLinks();
followActivity();
const root = document.getElementById("app");
if (root) render(<App />, root);
