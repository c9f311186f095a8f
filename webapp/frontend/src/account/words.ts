/** The words of the account pages. What hosts say in errors comes from them. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
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
      language: "Language",
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

    passkeys: {
      title: "Passkeys",
      lead: "Sign in with your fingerprint, your face or your device’s PIN: nobody can watch you type a password.",
      unknown: "This browser doesn’t know passkeys, or not in the way Firstbell uses them.",
      made: (when: string) => `Made ${when}`,
      used: (when: string) => `Last used ${when}`,
      remove: "Remove",
      removeOf: (device: string, when: string) => `Remove the passkey of ${device}, made ${when}`,
      removed: (device: string) => `The passkey of ${device} is removed.`,
      password: "Present password",
      submit: "Add a passkey",
      busy: "Adding…",
      done: "The passkey is added. Next time you can sign in with it.",
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
      lead: "This signs out all your devices and removes your passkeys. You are then signed in here.",
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
  },

  nl: {
    back: "← Mijn lessen",
    toSignIn: "Terug naar aanmelden",
    fetching: "Een ogenblik…",
    passwordHint:
      "Minstens 8 tekens, en niet iets wat iedereen zou raden. Een kort zinnetje is prima.",
    show: "Laat zien wat ik typ",

    account: {
      title: "Mijn account",
      userName: "Gebruikersnaam",
      email: "E-mailadres",
      noEmail:
        "geen – vraag je beheerder om je adres toe te voegen, dan kun je je wachtwoord herstellen",
      school: "Mijn school",
      language: "Taal",
    },

    password: {
      title: "Wachtwoord",
      old: "Huidig wachtwoord",
      fresh: "Nieuw wachtwoord",
      submit: "Wachtwoord wijzigen",
      busy: "Wijzigen…",
      done: "Je wachtwoord is gewijzigd. Al je andere apparaten zijn afgemeld.",
    },

    devices: {
      title: "Waar je bent aangemeld",
      lead: "Staat er iets bij wat je niet kent, of een computer die je hebt achtergelaten? Meld het af; dan kan daarmee ook niemand je les meer bedienen.",
      here: "dit apparaat",
      seen: (when: string) => `Laatst gezien: ${when}`,
      end: "Afmelden",
      endOf: (device: string, when: string) => `${device} afmelden, laatst gezien: ${when}`,
      endOthers: "Alle andere afmelden",
      ended: (device: string) => `${device} is afgemeld.`,
      endedOthers: "Alle andere apparaten zijn afgemeld.",
      alone: "Je bent alleen op dit apparaat aangemeld.",
    },

    passkeys: {
      title: "Passkeys",
      lead: "Meld je aan met je vingerafdruk, je gezicht of de pincode van je apparaat: niemand kan meekijken terwijl je een wachtwoord typt.",
      unknown: "Deze browser kent geen passkeys, of niet zoals Firstbell ze gebruikt.",
      made: (when: string) => `Gemaakt: ${when}`,
      used: (when: string) => `Laatst gebruikt: ${when}`,
      remove: "Verwijderen",
      removeOf: (device: string, when: string) =>
        `Passkey van ${device} verwijderen, gemaakt: ${when}`,
      removed: (device: string) => `De passkey van ${device} is verwijderd.`,
      password: "Huidig wachtwoord",
      submit: "Passkey toevoegen",
      busy: "Toevoegen…",
      done: "De passkey is toegevoegd. De volgende keer kun je je ermee aanmelden.",
    },

    invitations: {
      title: "Collega’s uitnodigen",
      lead: (school: string) =>
        `Ze krijgen een mail met een link en maken zelf een account aan bij ${school}. De link is 14 dagen geldig.`,
      email: "E-mailadres van je collega",
      submit: "Uitnodiging versturen",
      busy: "Versturen…",
      done: (email: string) => `De uitnodiging voor ${email} is onderweg.`,
      list: "Uitnodigingen",
      withdraw: "Intrekken",
      withdrawOf: (email: string) => `Uitnodiging voor ${email} intrekken`,
      withdrawn: (email: string) =>
        `De uitnodiging voor ${email} is ingetrokken. De link werkt niet meer.`,
      states: {
        open: {
          waiting: "mail is onderweg",
          sent: "uitgenodigd",
          failed: "de mail kon niet worden bezorgd",
        },
        accepted: "heeft een account",
        withdrawn: "ingetrokken",
        expired: "verlopen",
      },
      until: (day: string) => `tot ${day}`,
    },

    forgot: {
      title: "Wachtwoord vergeten?",
      lead: "Geef het e-mailadres van je account. Is het hier bekend, dan komt er binnen een paar minuten een mail met een link.",
      email: "E-mailadres",
      submit: "Mail versturen",
      busy: "Versturen…",
      doneTitle: "Kijk in je mail",
      done: (email: string) =>
        `Als ${email} een account heeft, is er een mail naartoe onderweg. De link is vier uur geldig. Kijk ook bij de spam.`,
      again: "Ander adres gebruiken",
    },

    reset: {
      title: "Kies een nieuw wachtwoord",
      lead: "Hiermee worden al je apparaten afgemeld en je passkeys verwijderd. Hier ben je daarna meteen aangemeld.",
      fresh: "Nieuw wachtwoord",
      submit: "Wachtwoord opslaan en aanmelden",
      busy: "Opslaan…",
      again: "Nieuwe link aanvragen",
    },

    join: {
      title: (school: string) => `Welkom bij ${school}`,
      lead: (inviter: string, email: string) =>
        inviter
          ? `${inviter} heeft je uitgenodigd (${email}). Maak je account aan en begin met lesgeven.`
          : `Je bent uitgenodigd (${email}). Maak je account aan en begin met lesgeven.`,
      first: "Voornaam",
      last: "Achternaam",
      userName: "Gebruikersnaam",
      userNameHint: "Hiermee meld je je aan. Alleen letters, cijfers en . - _",
      password: "Wachtwoord",
      submit: "Account aanmaken",
      busy: "Aanmaken…",
      gone: {
        accepted: "Deze uitnodiging is al aangenomen. Meld je aan met het account dat je hebt gemaakt.",
        withdrawn: "Deze uitnodiging is ingetrokken. Vraag het na bij wie je uitnodigde.",
        expired: "Deze uitnodiging is verlopen. Vraag een nieuwe aan wie je uitnodigde.",
      },
      unknown:
        "Deze link is niet compleet, of hoort niet bij deze school. Open hem opnieuw vanuit de mail.",
    },
  },
});
