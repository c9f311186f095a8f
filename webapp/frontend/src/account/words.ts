/** All words of the account pages, in one place. What hosts say in errors comes from them. */

export const texts = {
  back: "← My lessons",
  toSignIn: "Back to sign in",
  fetching: "One moment…",
  passwordHint:
    "At least 8 characters, and nothing everybody would guess. A short sentence is good.",
  show: "Show what I type",

  account: {
    title: "My account",
    userName: "User name",
    email: "E-mail",
    noEmail: "none – ask your administrator to add it, so that you can reset your password",
    school: "School",
  },

  password: {
    title: "Password",
    old: "Present password",
    fresh: "New password",
    submit: "Change password",
    busy: "Changing…",
    done: "Your password is changed. All other devices are signed out.",
  },

  devices: {
    title: "Where you are signed in",
    lead: "Something you don’t know, or a computer you left behind? Sign it out; it can’t steer a lesson any more either.",
    here: "this device",
    seen: (when: string) => `Last seen ${when}`,
    end: "Sign out",
    endOf: (device: string, when: string) => `Sign out ${device}, last seen ${when}`,
    endOthers: "Sign out all others",
    ended: (device: string) => `${device} is signed out.`,
    endedOthers: "All other devices are signed out.",
    alone: "You are signed in on this device only.",
  },

  invitations: {
    title: "Invite colleagues",
    lead: (school: string) =>
      `They get a mail with a link, and make their own account at ${school}. The link is good for 14 days.`,
    email: "E-mail of your colleague",
    submit: "Send invitation",
    busy: "Sending…",
    done: (email: string) => `The invitation for ${email} is on its way.`,
    list: "Invitations",
    withdraw: "Withdraw",
    withdrawOf: (email: string) => `Withdraw the invitation for ${email}`,
    withdrawn: (email: string) => `The invitation for ${email} is withdrawn. Its link is dead.`,
    states: {
      open: {
        waiting: "mail is on its way",
        sent: "invited",
        failed: "the mail could not be delivered",
      },
      accepted: "has an account",
      withdrawn: "withdrawn",
      expired: "expired",
    },
    until: (day: string) => `until ${day}`,
  },

  forgot: {
    title: "Forgot your password?",
    lead: "Give the e-mail address of your account. If it is known here, a mail with a link comes within a minute or two.",
    email: "E-mail",
    submit: "Send the mail",
    busy: "Sending…",
    doneTitle: "Look into your mail",
    done: (email: string) =>
      `If ${email} has an account, a mail is on its way there. Its link is good for four hours. Look among the spam too.`,
    again: "Use another address",
  },

  reset: {
    title: "Choose a new password",
    lead: "All your devices are signed out then, and you are signed in here.",
    fresh: "New password",
    submit: "Set password and sign in",
    busy: "Setting…",
    again: "Ask for a new link",
  },

  join: {
    title: (school: string) => `Welcome to ${school}`,
    lead: (inviter: string, email: string) =>
      inviter
        ? `${inviter} invited you (${email}). Make your account, and start teaching.`
        : `You are invited (${email}). Make your account, and start teaching.`,
    first: "First name",
    last: "Last name",
    userName: "User name",
    userNameHint: "You sign in with it. Letters, digits and . - _ only.",
    password: "Password",
    submit: "Make my account",
    busy: "Making it…",
    gone: {
      accepted: "This invitation was accepted already. Sign in with the account you made.",
      withdrawn: "This invitation was withdrawn. Ask whoever invited you.",
      expired: "This invitation has expired. Ask whoever invited you for a new one.",
    },
    unknown: "This link is not whole, or not for this school. Open it from the mail again.",
  },

  today: (time: string) => `today, ${time}`,
} as const;

/** A moment as a person would say it. */
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? texts.today(time) : day(iso);
}

export function day(iso: string): string {
  return new Date(iso).toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
}
