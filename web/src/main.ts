// Starts the live store and mounts the page.
import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { live } from './lib/live.svelte';

live.start();
mount(App, { target: document.getElementById('app')! });
