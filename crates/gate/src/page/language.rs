//! The languages of the built-in page: which one a visitor reads, and its translation.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::quality_values::quality_values;

/// A language that the built-in page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Italian,
    Portuguese,
    Japanese,
}

/// What the built-in page says in a language.
#[derive(Debug)]
pub(crate) struct Translation {
    /// As in `lang` and `Content-Language`.
    pub(crate) tag: &'static str,
    pub(crate) title: &'static str,
    pub(crate) heading: &'static str,
    /// Where there is no message.
    pub(crate) closed: &'static str,
    pub(crate) read_only: &'static str,
    /// To a request that would have changed something.
    pub(crate) not_saved: &'static str,
    /// Before the time.
    pub(crate) until: &'static str,
    /// Once that time has passed.
    pub(crate) overdue: &'static str,
    /// Where no end is known.
    pub(crate) again: &'static str,
    /// Where the page looks by itself whether the site is back.
    pub(crate) reloads: &'static str,
}

impl Language {
    pub(crate) const ALL: [Self; 7] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Spanish,
        Self::Italian,
        Self::Portuguese,
        Self::Japanese,
    ];

    /// The one that the visitor likes best, the first among equals; English if there is none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut best = (Self::English, 0);
        for (tag, q) in quality_values(headers, &ACCEPT_LANGUAGE) {
            if q > best.1
                && let Some(language) = Self::tagged(tag)
            {
                best = (language, q);
            }
        }
        best.0
    }

    /// The language of a tag, of whatever region: `de` of `de-CH`.
    fn tagged(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        if primary == "*" {
            return Some(Self::English);
        }
        Self::ALL
            .into_iter()
            .find(|language| language.translation().tag.eq_ignore_ascii_case(primary))
    }

    pub(crate) fn translation(self) -> &'static Translation {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
            Self::Spanish => &SPANISH,
            Self::Italian => &ITALIAN,
            Self::Portuguese => &PORTUGUESE,
            Self::Japanese => &JAPANESE,
        }
    }
}

static ENGLISH: Translation = Translation {
    tag: "en",
    title: "Down for maintenance",
    heading: "We’ll be right back",
    closed: "This site is down for maintenance.",
    read_only: "You can look at everything, but nothing can be changed during this maintenance.",
    not_saved: "What you have just sent was not saved. Please send it again later.",
    until: "Expected back: ",
    overdue: "It is taking a little longer than planned.",
    again: "Please try again in a few minutes.",
    reloads: "This page reloads by itself when the site is back.",
};

static GERMAN: Translation = Translation {
    tag: "de",
    title: "Wartungsarbeiten",
    heading: "Wir sind gleich zurück",
    closed: "Diese Website wird gerade gewartet.",
    read_only: "Sie können alles ansehen, aber während der Wartung nichts ändern.",
    not_saved: "Was Sie eben gesendet haben, wurde nicht gespeichert. Bitte senden Sie es später noch einmal.",
    until: "Voraussichtlich wieder da: ",
    overdue: "Es dauert etwas länger als geplant.",
    again: "Bitte versuchen Sie es in einigen Minuten noch einmal.",
    reloads: "Diese Seite lädt von selbst neu, sobald es weitergeht.",
};

static FRENCH: Translation = Translation {
    tag: "fr",
    title: "Maintenance en cours",
    heading: "Nous revenons tout de suite",
    closed: "Ce site est en maintenance.",
    read_only: "Vous pouvez tout consulter, mais rien ne peut être modifié pendant la maintenance.",
    not_saved: "Ce que vous venez d’envoyer n’a pas été enregistré. Veuillez l’envoyer à nouveau plus tard.",
    until: "Retour prévu\u{a0}: ",
    overdue: "Cela prend un peu plus de temps que prévu.",
    again: "Veuillez réessayer dans quelques minutes.",
    reloads: "Cette page se recharge d’elle-même dès le retour du site.",
};

static SPANISH: Translation = Translation {
    tag: "es",
    title: "En mantenimiento",
    heading: "Volvemos enseguida",
    closed: "Este sitio está en mantenimiento.",
    read_only: "Puede consultarlo todo, pero no se puede cambiar nada durante el mantenimiento.",
    not_saved: "Lo que acaba de enviar no se ha guardado. Vuelva a enviarlo más tarde.",
    until: "Regreso previsto: ",
    overdue: "Está tardando un poco más de lo previsto.",
    again: "Vuelva a intentarlo dentro de unos minutos.",
    reloads: "Esta página se recarga sola cuando el sitio vuelve a funcionar.",
};

static ITALIAN: Translation = Translation {
    tag: "it",
    title: "Manutenzione in corso",
    heading: "Torniamo subito",
    closed: "Questo sito è in manutenzione.",
    read_only: "Può consultare tutto, ma durante la manutenzione non si può modificare nulla.",
    not_saved: "Ciò che ha appena inviato non è stato salvato. La preghiamo di inviarlo di nuovo più tardi.",
    until: "Ritorno previsto: ",
    overdue: "Ci vuole un po’ più del previsto.",
    again: "La preghiamo di riprovare tra qualche minuto.",
    reloads: "Questa pagina si ricarica da sola quando il sito è di nuovo disponibile.",
};

// Wording that Brazil and Portugal share.
static PORTUGUESE: Translation = Translation {
    tag: "pt",
    title: "Em manutenção",
    heading: "Voltamos já",
    closed: "Este site está em manutenção.",
    read_only: "É possível consultar tudo, mas nada pode ser alterado durante a manutenção.",
    not_saved: "O que acabou de ser enviado não foi gravado. Por favor, envie novamente mais tarde.",
    until: "Retorno previsto: ",
    overdue: "Vai levar um pouco mais de tempo do que o previsto.",
    again: "Por favor, tente novamente dentro de alguns minutos.",
    reloads: "Esta página recarrega sozinha quando o site voltar.",
};

static JAPANESE: Translation = Translation {
    tag: "ja",
    title: "メンテナンス中",
    heading: "まもなく再開します",
    closed: "現在、サイトのメンテナンスを行っています。",
    read_only: "メンテナンス中は閲覧のみ可能です。変更はできません。",
    not_saved: "送信された内容は保存されていません。後ほどもう一度お送りください。",
    until: "再開予定：",
    overdue: "予定より少し時間がかかっています。",
    again: "数分後にもう一度お試しください。",
    reloads: "サイトが再開すると、このページは自動的に再読み込みされます。",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(values: &[&str]) -> &'static str {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_LANGUAGE, value.parse().unwrap());
        }
        Language::of(&headers).translation().tag
    }

    #[test]
    fn the_visitors_language_where_it_is_one_of_a_few() {
        for (values, expected) in [
            (&[][..], "en"),
            (&[""], "en"),
            (&["de"], "de"),
            (&["DE-ch"], "de"),
            (&["pt-BR,pt;q=0.9,en;q=0.8"], "pt"),
            (&["nl, fr;q=0.8, de;q=0.9"], "de"),
            (&["it, es"], "it"),
            (&["en;q=0.5", "ja;q=0.7"], "ja"),
            (&["nl,zh;q=0.9"], "en"),
            (&["nl, *;q=0.5, de;q=0.3"], "en"),
            (&["de;q=0"], "en"),
            (&["de;q=0, fr;q=0.1"], "fr"),
            (&["deutsch, fr;q=0.1"], "fr"),
            (&["fr;q=much, de;q=0.1"], "de"),
        ] {
            assert_eq!(chosen(values), expected, "{values:?}");
        }
    }

    #[test]
    fn no_translation_needs_escaping() {
        for translation in Language::ALL.map(Language::translation) {
            let said = format!("{translation:?}");
            assert!(!said.contains(['<', '>', '&']), "{said}");
            // It stands in an attribute.
            assert!(!translation.reloads.contains('"'), "{said}");
        }
    }
}
