import { useEffect, useRef } from 'react';

export function Settings({ settings, withToken, onSave, onClose }) {
  const dialog = useRef();
  useEffect(() => dialog.current.showModal(), []);

  function save(data) {
    onSave({ address: data.get('address').replace(/\/+$/, ''), token: data.get('token') ?? '' });
  }

  return (
    <dialog ref={dialog} aria-labelledby="settings" onClose={onClose}>
      <form action={save}>
        <h2 id="settings">Settings</h2>
        <label>
          Address of the gateway
          <input name="address" type="url" pattern="https?://.+" required
            defaultValue={settings.address} />
        </label>
        {withToken && (
          <label>
            Install token
            <input name="token" type="password" autoComplete="off" defaultValue={settings.token}
              placeholder="ghk_…" aria-describedby="token" />
            <small id="token">Only if the gateway requires one.</small>
          </label>
        )}
        <footer>
          <button type="button" onClick={() => dialog.current.close()}>Cancel</button>
          <button className="main">Save</button>
        </footer>
      </form>
    </dialog>
  );
}
