import { useEffect, useState } from 'react';

/// Something that the user should know, with what they can do about it. Only what keeps the chat
/// from going on is an alert.
export function Notice({ title, message, detail, wait = 0, role = 'alert', children }) {
  const left = useCountdown(wait);
  return (
    <section className="notice" role={role}>
      <h2>{title}</h2>
      <p>{message}</p>
      {detail && <p><small>{detail}</small></p>}
      <footer>{children(left)}</footer>
    </section>
  );
}

/// Seconds until it reaches 0. Nothing runs then by itself: requests cost money.
function useCountdown(seconds) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (!left) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return left;
}
