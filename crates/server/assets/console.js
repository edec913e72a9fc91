// What the console does beyond plain pages: it shows times as the reader's own, and keeps a page that says so
// (`data-live`) up to date. Without this script every page works, and is reloaded by hand.
{
  const lang = document.documentElement.lang
  const own = navigator.languages.find(l => l.startsWith(lang)) || lang
  const local = () => document.querySelectorAll('time[datetime]').forEach(time => {
    time.textContent = new Date(time.dateTime).toLocaleString(own,
      { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' })
  })
  const main = () => document.querySelector('main')
  const isLive = () => main().dataset.live !== undefined
  let shown = main().outerHTML, working, again, events, closed
  local()

  // The same page anew, with its focus and its open details.
  const show = (text, page = new DOMParser().parseFromString(text, 'text/html')) => {
    const next = page.querySelector('main'), old = main()
    if (!next) return location.reload()
    if (next.outerHTML === shown) return
    shown = next.outerHTML
    const within = old.contains(document.activeElement), focused = within && document.activeElement.id
    old.querySelectorAll('details[id]').forEach(it => {
      const same = next.querySelector('#' + CSS.escape(it.id))
      if (same) same.open = it.open
    })
    const said = old.dataset.says
    old.replaceWith(next)
    document.title = page.title
    local()
    if (within) (focused && document.getElementById(focused) || next).focus({ preventScroll: true })
    if (next.dataset.says !== said) document.getElementById('says').textContent = next.dataset.says
  }
  const refresh = async () => {
    if (working) return again = true
    if (!isLive()) return
    working = true
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' })
      // Signed out meanwhile.
      if (answer.redirected) location.assign(answer.url)
      else if (answer.ok) show(await answer.text())
    } catch { /* The server is gone for a moment: the next time. */ }
    working = false
    if (again) {
      again = false
      setTimeout(refresh, 250)
    }
  }
  const listen = () => {
    if (!isLive() || document.hidden) {
      events?.close()
      return events = undefined
    }
    if (events && events.readyState !== EventSource.CLOSED) return
    events = new EventSource('/api/events')
    const kinds = ['operation', 'mode', 'resync']
    // They check every few seconds: for other pages that is no change.
    if (location.pathname === '/observers') kinds.push('observer')
    for (const kind of kinds) events.addEventListener(kind, refresh)
    events.onerror = () => closed = events?.readyState === EventSource.CLOSED
  }
  document.addEventListener('visibilitychange', () => {
    listen()
    if (!document.hidden) refresh()
  })
  // How long ago things were moves on by itself; and events may be out of reach.
  let turn = 0
  setInterval(() => {
    if (document.hidden || !isLive()) return
    listen()
    if (main().dataset.live === 'soon' || closed || ++turn % 5 === 0) refresh()
  }, 3000)
  listen()
}
