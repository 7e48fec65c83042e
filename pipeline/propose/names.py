"""Names by which columns go in the field, in English, German and French, as letters and digits alone; the surest first."""


def word_set(written: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(written.split())


NAMES: dict[str, tuple[str, ...]] = {
    "occurred_at": (
        "occurredat", "eventtime", "eventtimestamp", "clienttimestamp", "originaltimestamp", "timestamp", "eventts", "ts",
        "time", "createdat", "datetime", "eventdatetime", "zeitpunkt", "zeitstempel", "horodatage", "dateheure", "fechahora",
        "eventdate", "visittime", "hittime", "orderdate", "orderedat", "bestelldatum", "datecommande", "date", "datum",
        "zeit", "uhrzeit", "heure", "fecha", "when", "at",
    ),
    "received_at": ("receivedat", "collectortstamp", "ingestedat", "servertime", "serverreceivedtime"),
    "sent_at": ("sentat", "dvcesenttstamp"),
    "event_id": (
        "eventid", "messageid", "insertid", "eventuuid", "uuid", "guid", "hitid", "ereignisid", "idevenement", "logid",
        "rowid", "id",
    ),
    "anonymous_id": (
        "anonymousid", "deviceid", "visitorid", "clientid", "cookieid", "domainuserid", "userpseudoid", "browserid",
        "anonid", "visitor", "cookie", "device", "besucherid", "besucher", "geraeteid", "gerateid", "geraet", "gerat",
        "idvisiteur", "visiteurid", "visiteur", "appareilid", "idappareil",
    ),
    "user_id": (
        "userid", "customerid", "accountid", "memberid", "customer", "uid", "kundennr", "kundennummer", "kundenid", "kunde",
        "benutzerid", "benutzer", "nutzerid", "nutzer", "idclient", "numeroclient", "client", "utilisateurid",
        "idutilisateur", "utilisateur", "contactid", "personid", "distinctid", "subscriberid", "buyerid", "respondentid",
        "shopperid", "loginid", "user", "subject", "person", "member", "account",
    ),
    "session_id": (
        "sessionid", "session", "visitid", "domainsessionid", "sitzungsid", "sitzung", "besuchsid", "idsession", "idvisite",
    ),
    "kind": (
        "kind", "eventname", "event", "eventtype", "ereignis", "ereignistyp", "evenement", "typeevenement", "nomevenement",
        "hittype", "activitytype", "activity", "actiontype", "eventaction", "action", "aktion", "vorgang", "type", "typ",
        "name",
    ),
    "url": (
        "url", "pageurl", "pagelocation", "currenturl", "fullurl", "pagepath", "requesturi", "uri", "path", "pathname",
        "seitenurl", "seite", "urlpage", "adressepage", "page", "location", "href", "adresse", "lien", "screenname",
    ),
    "referrer": ("referrer", "referer", "pagereferrer", "refererurl", "referrerurl", "verweis", "referent"),
    "page_title": ("pagetitle", "title", "seitentitel", "titre", "titrepage", "titel"),
    "order_id": (
        "orderid", "orderno", "ordernumber", "transactionid", "ordernr", "bestellnr", "bestellnummer", "bestellid",
        "auftragsnr", "auftragsnummer", "numerocommande", "idcommande", "commandeid", "commande", "invoiceid", "invoiceno",
        "order", "bestellung",
    ),
    "revenue_micros": (
        "revenue", "ordertotal", "total", "totalprice", "grandtotal", "amount", "ordervalue", "purchasevalue",
        "dollarvalue", "umsatz", "gesamtbetrag", "betrag", "summe", "chiffredaffaires", "montant", "montantttc", "prix",
        "sales", "turnover", "value", "price", "preis",
    ),
    "currency": ("currency", "currencycode", "waehrung", "wahrung", "devise", "monnaie"),
    "user_agent": ("useragent", "ua"),
    "device_type": ("devicetype", "devicecategory", "device", "geraetetyp", "geratetyp", "typeappareil", "appareil"),
    "os": ("os", "osname", "operatingsystem", "betriebssystem", "systemeexploitation"),
    "os_version": ("osversion", "operatingsystemversion"),
    "browser": ("browser", "browsername", "navigateur"),
    "browser_version": ("browserversion",),
    "country": ("country", "countrycode", "geocountry", "land", "pays"),
    "language": ("language", "lang", "locale", "sprache", "langue"),
    "x": ("x", "clickx", "pagex"),
    "y": ("y", "clicky", "pagey"),
    "response_id": ("responseid", "respondentid", "idreponse", "antwortid"),
    "question_id": ("questionid", "question", "frage"),
    "score": ("score", "nps", "rating", "npsscore", "bewertung", "note", "categoricalanswer", "answer"),
    "text": ("comment", "comments", "feedback", "kommentar", "commentaire", "answer", "antwort", "reponse", "text"),
}  # fmt: skip
# By a word of a header, where no whole name is known.
DEVICE_WORDS = word_set("device visitor cookie browser anonymous anon besucher geraet gerat visiteur appareil")
USER_WORDS = word_set(
    "user customer account member person client buyer shopper subscriber kunde kunden nutzer benutzer utilisateur"
)
ID_WORDS = word_set("id ids uid uuid guid no nr number nummer numero key code hash ref identifier")
TIME_WORDS = word_set("time timestamp ts tstamp date at datum zeit uhrzeit heure horodatage day when utc ms")
# Fields that tell who somebody is and what no figure needs, by plain name: proposed to be dropped at ingest.
PERSONAL = word_set("""
    email emailaddress mail usermail useremail customeremail emailadresse courriel adressemail phone phonenumber
    telephone telefon tel mobile handy mobilnummer firstname lastname fullname surname givenname familyname customername
    username vorname nachname kundenname nom prenom nomclient address street streetaddress postaladdress strasse anschrift
    birthday birthdate dateofbirth dob geburtsdatum geburtstag datenaissance naissance ip ipaddress clientip remoteaddr
    iban cardnumber creditcard ssn provenance
    """)
CURRENCIES = word_set("""
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
    WST XAF XCD XOF XPF YER ZAR ZMW ZWL
    """)
SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "zł": "PLN", "Kč": "CZK"}
