// A small shop by React and its router.
import { createElement as h, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, Route, Routes, useNavigate, useParams } from 'react-router';

function Home() {
  return h('section', { className: 'hero' }, h('h1', null, 'Home'), h(Link, { id: 'to-1', to: '/p/1' }, 'First'), h(Link, { id: 'to-2', to: '/p/2' }, 'Second'));
}

function Product() {
  const { id } = useParams();
  const [count, setCount] = useState(0);
  const navigate = useNavigate();
  return h('main', null,
    h('h1', null, `Product ${id}`),
    h('button', { id: 'more', onClick: () => setCount(count + 1) }, `In the bag: ${count}`),
    h('button', { id: 'nothing' }, 'Nothing'),
    h('button', { id: 'back', onClick: () => navigate(-1) }, 'Back'),
    h('button', { id: 'next', onClick: () => navigate('/p/2', { replace: true }) }, 'Next'));
}

createRoot(document.querySelector('#app')).render(
  h(BrowserRouter, null, h(Routes, null, h(Route, { path: '/', element: h(Home) }), h(Route, { path: '/p/:id', element: h(Product) }))),
);
