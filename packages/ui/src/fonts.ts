/** The two typefaces, served by the app itself: nothing is fetched from another host. */
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
