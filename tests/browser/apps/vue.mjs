// The same shop by Vue and its router.
import { createApp, h, ref } from 'vue';
import { RouterLink, RouterView, createRouter, createWebHistory, useRoute, useRouter } from 'vue-router';

// A function would be a component that is loaded later.
const Home = { render: () => h('section', { class: 'hero' }, [
  h('h1', 'Home'), h(RouterLink, { id: 'to-1', to: '/p/1' }, () => 'First'), h(RouterLink, { id: 'to-2', to: '/p/2' }, () => 'Second'),
]) };

const Product = {
  setup() {
    const route = useRoute();
    const router = useRouter();
    const count = ref(0);
    return () => h('main', [
      h('h1', `Product ${route.params.id}`),
      h('button', { id: 'more', onClick: () => { count.value += 1; } }, `In the bag: ${count.value}`),
      h('button', { id: 'nothing' }, 'Nothing'),
      h('button', { id: 'back', onClick: () => router.back() }, 'Back'),
      h('button', { id: 'next', onClick: () => router.replace('/p/2') }, 'Next'),
    ]);
  },
};

const router = createRouter({ history: createWebHistory(), routes: [{ path: '/', component: Home }, { path: '/p/:id', component: Product }] });
createApp({ render: () => h(RouterView) }).use(router).mount('#app');
