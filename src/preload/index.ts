import { ipcRenderer } from 'electron';

// The page asks for its port when it is ready to receive it (and again after a reload); main answers with one end of a
// channel, which is handed on. Nothing else of Electron reaches the page.
window.addEventListener('message', ({ source, data }) => {
  if (source === window && data === 'lathe:port?') ipcRenderer.send('lathe:port?');
});
ipcRenderer.on('lathe:port', ({ ports }) => window.postMessage('lathe:port', window.location.origin, ports));
