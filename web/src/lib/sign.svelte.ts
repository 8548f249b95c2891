// What a person signs for with a name and a note: one dialog for the whole page.
import { ApiError, post, type Alarm, type Hazard } from './api';
import { alarmTitle } from './words';
import { live } from './live.svelte';
import { t, type Key } from './i18n/index.svelte';

export interface Signing {
  title: Key; text: Key; done: Key; verb: Key; what: string;
  /** Rule key or hazard id. */
  subject: string;
  note: 'none' | 'optional' | 'required' | 'reason';
  /** For how long is asked as well. */
  time?: boolean;
  send: (by: string, note: string, minutes: number) => Promise<void>;
}

let open = $state<Signing | null>(null);
let said = $state('');

const title = (alarm: Alarm) => alarmTitle(live.model?.equipment ?? [], alarm);

export const sign = {
  get open() { return open; },
  /** Last thing that was done, for the polite live region. */
  get said() { return said; },
  finish(done: Key, what: string) {
    open = null;
    said = t(done, { what });
  },
  cancel() { open = null; },

  acknowledge(alarm: Alarm) {
    open = {
      title: 'sign.ack', text: 'sign.ackText', done: 'done.ack', verb: 'act.acknowledge', what: title(alarm), subject: alarm.rule, note: 'optional',
      send: (by, note) => post('alarms/acknowledge', { rule: alarm.rule, by, note }),
    };
  },
  reset(alarm: Alarm) {
    open = {
      title: 'sign.reset', text: 'sign.resetText', done: 'done.reset', verb: 'act.reset', what: title(alarm), subject: alarm.rule, note: 'none',
      send: (by) => post('alarms/reset', { rule: alarm.rule, by }),
    };
  },
  shelve(alarm: Alarm) {
    open = {
      title: 'sign.shelve', text: 'sign.shelveText', done: 'done.shelve', verb: 'act.shelve', what: title(alarm), subject: alarm.rule, note: 'reason', time: true,
      send: (by, reason, minutes) => post('alarms/shelve', { rule: alarm.rule, by, reason, minutes }),
    };
  },
  unshelve(alarm: Alarm) {
    open = {
      title: 'sign.unshelve', text: 'sign.unshelveText', done: 'done.unshelve', verb: 'act.unshelve', what: title(alarm), subject: alarm.rule, note: 'none',
      send: (by) => post('alarms/unshelve', { rule: alarm.rule, by }),
    };
  },
  takeOut(alarm: Alarm) {
    open = {
      title: 'sign.takeOut', text: 'sign.takeOutText', done: 'done.takeOut', verb: 'act.takeOut', what: title(alarm), subject: alarm.rule, note: 'reason',
      send: (by, reason) => post('alarms/take-out', { rule: alarm.rule, by, reason }),
    };
  },
  putBack(alarm: Alarm) {
    open = {
      title: 'sign.putBack', text: 'sign.putBackText', done: 'done.putBack', verb: 'act.putBack', what: title(alarm), subject: alarm.rule, note: 'none',
      send: (by) => post('alarms/put-back', { rule: alarm.rule, by }),
    };
  },
  acknowledgeHazard(hazard: Hazard) {
    open = {
      title: 'sign.ackHazard', text: 'sign.ackHazardText', done: 'done.ackHazard', verb: 'act.acknowledge',
      what: hazard.number, subject: hazard.id, note: 'optional',
      send: (by, note) => post(`hazards/${hazard.id}/acknowledge`, { by, note }),
    };
  },
  closeHazard(hazard: Hazard) {
    // No limit tells that it is gone, or its limit is no longer in the settings: the gateway says so, and takes the note as the reason when it is sent again.
    let gone = false;
    open = {
      title: 'sign.closeHazard', text: 'sign.closeText', done: 'done.closeHazard', verb: 'act.close',
      what: hazard.number, subject: hazard.id, note: 'required',
      send: async (by, note) => {
        try {
          await post(`hazards/${hazard.id}/close`, gone ? { by, note, override_reason: note } : { by, note });
        } catch (error) {
          gone ||= error instanceof ApiError && ['limit-gone', 'not-reviewed'].includes(error.code);
          throw error;
        }
      },
    };
  },
};
