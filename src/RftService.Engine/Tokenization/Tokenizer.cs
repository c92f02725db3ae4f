using System.Text.Json;
using System.Text;
using RftService.Engine.Data;
using RftService.Engine.Models;

namespace RftService.Engine.Tokenization;

/// <summary>The tokenizer of a Hugging Face model folder. Safe for use by many threads.</summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly AddedTokens _rawTokens;
    private readonly AddedTokens _normalizedTokens;
    private readonly string?[] _tokens;
    private readonly HashSet<int> _special;
    private int? _before;

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _rawTokens = new AddedTokens(parts.Added.Where(token => !token.Normalized), content => content);
        _normalizedTokens = new AddedTokens(parts.Added.Where(token => token.Normalized), parts.Normalize);
        _special = [.. parts.Added.Where(token => token.Special).Select(token => token.Id)];
        _tokens = new string?[1 + Math.Max(
            parts.Model.Vocabulary.Values.DefaultIfEmpty(-1).Max(),
            parts.Added.Select(token => token.Id).DefaultIfEmpty(-1).Max())];
        foreach (var (token, id) in parts.Model.Vocabulary)
        {
            _tokens[id] = token;
        }

        foreach (var token in parts.Added)
        {
            _tokens[token.Id] = token.Content;
        }
    }

    /// <summary>Highest id + 1. The model's own V may be larger: its matrices are often padded.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>Tokens that end a text, as all files of the folder together name them.</summary>
    public IReadOnlySet<int> EndOfTextIds => _parts.EndOfTextIds;

    /// <summary>
    /// The token that ends a written completion: the one that the tokenizer's files name (for chat models the end of a turn),
    /// else the lowest of <see cref="EndOfTextIds"/>; null when there is none.
    /// </summary>
    public int? EndOfTextId => _parts.EndOfTextId;

    /// <summary>The token that begins a text: that of the tokenizer's files, else that of the model's; null when none is named.</summary>
    public int? BeginOfTextId => _parts.BeginOfTextId;

    /// <summary>Renders conversations; null when the folder has no chat template.</summary>
    public ChatTemplate? ChatTemplate => _parts.ChatTemplate;

    /// <summary>
    /// Reads tokenizer.json and what belongs to it: tokenizer_config.json, chat_template.jinja, special_tokens_map.json, the configs.
    /// </summary>
    /// <exception cref="ModelFolderException">A file is missing, damaged, or asks for what is not supported.</exception>
    public static Tokenizer Load(string folder) => TokenizerReader.Read(folder);

    /// <summary>Text to ids.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Adds what the model expects around a text, as a begin-of-text token.</param>
    /// <exception cref="TrainingException">A regular expression of the tokenizer takes too long on this text.</exception>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>((text.Length / 3) + 4);
        if (addSpecialTokens)
        {
            ids.AddRange(_parts.PostProcessor.Before);
        }

        var valid = WithoutLoneSurrogates(text);
        foreach (var (start, end, token) in _rawTokens.Cut(valid))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
            }
            else
            {
                EncodeBetween(_parts.Normalize(valid[start..end]), start == 0, ids);
            }
        }

        if (addSpecialTokens)
        {
            ids.AddRange(_parts.PostProcessor.After);
        }

        return [.. ids];
    }

    /// <summary>
    /// Ids to text; ids without a token (a padded vocabulary has some) give none. Nothing is tidied: spaces stay as the model wrote them.
    /// </summary>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var decoder = new StreamDecoder(this, _parts.Decoding, skipSpecialTokens);
        foreach (var id in ids)
        {
            decoder.Push(id);
        }

        return decoder.Flush();
    }

    /// <summary>Decodes one completion token by token, leaving out special tokens; the parts together equal <see cref="Decode"/>.</summary>
    public StreamDecoder CreateStreamDecoder() => new(this, _parts.Decoding, skipSpecialTokens: true);

    /// <summary>Encodes a row's prompt.</summary>
    /// <param name="prompt">Plain text; special tokens are added.</param>
    /// <param name="messages">A conversation; it goes before <paramref name="prompt"/>. The chat template writes the special tokens itself.</param>
    /// <param name="text">What was encoded.</param>
    /// <param name="tools">Tools that the conversation may use, a list; null: none.</param>
    /// <exception cref="TrainingException">The model cannot take conversations, or its template refuses this one.</exception>
    public int[] EncodePrompt(string? prompt, IReadOnlyList<ChatMessage>? messages, out string text, JsonElement? tools = null)
    {
        if (messages is not null)
        {
            var template = ChatTemplate ?? throw new TrainingException(
                TrainingFault.RowUnusable,
                "the row holds messages, but the model has no chat template",
                "Give rows with a plain prompt, or use a model with a chat template.");
            text = template.Render(messages, tools: tools);
            return Encode(text, addSpecialTokens: false);
        }

        text = prompt ?? throw new TrainingException(TrainingFault.RowUnusable, "the row holds no prompt and no messages", "Give the row a prompt or messages.");
        return Encode(text, addSpecialTokens: true);
    }

    internal string? TokenText(int id, bool skipSpecialTokens) =>
        (uint)id < (uint)_tokens.Length && !(skipSpecialTokens && _special.Contains(id)) ? _tokens[id] : null;

    /// <summary>The bytes that a token adds to a text that has begun; null for special tokens and ids without a token.</summary>
    internal byte[]? TokenBytes(int id)
    {
        if (TokenText(id, skipSpecialTokens: true) is not { } token)
        {
            return null;
        }

        if (_parts.Decoding.BytesOf(token) is { } bytes)
        {
            return bytes;
        }

        // What it adds behind another token: a first one may lose its space.
        _before ??= _parts.Model.Vocabulary.First(entry => entry.Key is [>= 'a' and <= 'z']).Value;
        var before = Decode([_before.Value]);
        var both = Decode([_before.Value, id]);
        return both.StartsWith(before, StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(both[before.Length..]) : null;
    }

    private void EncodeBetween(string text, bool atStart, List<int> ids)
    {
        foreach (var (start, end, token) in _normalizedTokens.Cut(text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }

            foreach (var word in _parts.PreTokenize(new Piece(text[start..end], atStart && start == 0)))
            {
                _parts.Model.Encode(word.Text, ids);
            }
        }
    }

    private static string WithoutLoneSurrogates(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
                continue;
            }

            var valid = new StringBuilder(text.Length);
            foreach (var rune in text.EnumerateRunes()) // it gives U+FFFD for a lone half
            {
                valid.Append(rune.ToString());
            }

            return valid.ToString();
        }

        return text;
    }
}
